// A launcher for each key of a manager.
#ifndef HOTSLOT_LAUNCH_EACH_HPP
#define HOTSLOT_LAUNCH_EACH_HPP

#include <hotslot/launcher.hpp>
#include <hotslot/slot_queue_manager.hpp>

#include <concepts>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace hotslot {

namespace detail {

struct no_preparation {
  template <class... Args>
  void operator()(const Args&...) const noexcept {}
};
template <class F, class Key, class Queue>
concept queue_preparation = std::copy_constructible<F> && std::invocable<const F&, const Key&, const Queue&>;

/// `make` with its first argument.
template <class Make, class Key>
struct keyed_factory {
  template <class... Args>
  requires std::invocable<const Make&, const Key&, Args...>
  auto operator()(Args&&... args) const { return make(key, std::forward<Args>(args)...); }

  Make make;
  Key key;
};

} // namespace detail

/// For the constructor of a manager: each key's queue gets a launcher, which lives as long as the manager has
/// the queue.
///
///     slot_queue_manager<model> models(io, launch_each<model>(load_model, options_of_model, memory));
///     auto lease = co_await models.acquire("llama", 5s);
///
/// `make(key)` makes a worker, and may take more arguments; see `worker_factory`. The key that it is given
/// lives as long as its launcher. `options(key)` returns the `launcher_options`. `budget`, where given, is
/// what the workers of all keys share; `per_worker` of the options says how much one takes.
/// `prepare(key, queue)`, where given, is called before the queue's launcher is made: it may say how slots
/// are looked after (`set_upkeep`), how many callers may wait, and the like. The functions are copied for
/// each key, and called from whichever thread looks a new key up, `make` on the launcher's strand.
///
/// A queue is deleted when nothing is left in it, so never while its `min_idle` keeps workers.
template <slot Slot, queue_key Key = std::string, class Executor = asio::any_io_executor,
          class Traits = queue_traits, class Make, class Options, class Prepare = detail::no_preparation>
requires key_worker_factory<Make, Key, Slot,
                            typename basic_launcher<Slot, Executor, Traits>::inner_executor> &&
    std::is_invocable_r_v<launcher_options, const Options&, const Key&> &&
    detail::queue_preparation<Prepare, Key, basic_slot_queue<Slot, Executor, Traits>>
auto launch_each(
    Make make, Options options,
    std::optional<std::type_identity_t<basic_resource_tracker<Executor, typename Traits::mutex_type>>>
        budget = std::nullopt,
    Prepare prepare = {}) {
  using launcher_type = basic_launcher<Slot, Executor, Traits>;
  return [=](const Key& key, const basic_slot_queue<Slot, Executor, Traits>& queue) -> std::shared_ptr<void> {
    prepare(key, queue);
    return std::make_shared<launcher_type>(queue, detail::keyed_factory<Make, Key>{make, key}, options(key),
                                           budget);
  };
}

} // namespace hotslot

#endif
