// Starts workers for one queue when they are needed, and ends them when they are not.
#ifndef HOTSLOT_LAUNCHER_HPP
#define HOTSLOT_LAUNCHER_HPP

#include <hotslot/detail/asio/launcher_loop.hpp>
#include <hotslot/launcher_options.hpp>
#include <hotslot/resource_tracker.hpp>
#include <hotslot/slot_queue.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

namespace hotslot {

/// The loop that the signaller exists for: signalled, or at a time that it has set itself, it asks the
/// policy, starts as many workers as are wanted and permitted, all at once, and ends those that are idle, old
/// or worn.
///
/// A start is counted in the step that decides it. What a start has made is adopted, whether or not its
/// caller is still there; a start that only waits for resources is cancelled once nobody needs it. A failed
/// start backs the launcher off (`start_control`); its error ends waits (`failure_scope`), and is never a
/// slot. Every decision is kept with its reason for a while.
///
/// Lifetime: does not keep its queue open; ends by itself when the queue is closed, after which starts under
/// way are cancelled. Destroying the launcher stops it; workers that were started live on in the queue.
/// Executor: a strand of its own on the queue's executor. Thread safety: a shared object is safe.
template <slot Slot, class Executor = asio::any_io_executor, class Traits = queue_traits>
class basic_launcher {
  using loop_type = detail::launcher_loop<Slot, Executor, Traits>;

 public:
  using queue_type = basic_slot_queue<Slot, Executor, Traits>;
  using executor_type = Executor;
  using tracker_type = basic_resource_tracker<Executor, typename Traits::mutex_type>;

  template <class Other>
  struct rebind_executor {
    using other = basic_launcher<Slot, Other, Traits>;
  };

  /// The executor of the launcher's strand: `Executor` where a strand can be one, as any executor can; a
  /// strand on it otherwise.
  using inner_executor = typename loop_type::inner_executor;

  /// Starts the loop. `factory` makes one worker, on the launcher's strand; see `worker_factory`. It throws,
  /// or fails, when it cannot; cancelled (terminal), it removes what it has made so far. One that takes no
  /// notice of that, or comes late, is waited for all the same, with the resources of its worker; see
  /// `start_timeout`. `tracker`, where given, is what workers reserve their resources from, and where others
  /// may have idle ones evicted.
  template <worker_factory<Slot, inner_executor> Factory>
  basic_launcher(const queue_type& queue, Factory factory, launcher_options options = {},
                 std::optional<tracker_type> tracker = std::nullopt) {
    auto account = tracker ? tracker->open_account(options.account).state_ : nullptr;
    loop_ = std::make_shared<loop_type>(*queue.impl_.get(),
                                        detail::to_awaited<Slot, inner_executor>(std::move(factory)),
                                        std::move(options), std::move(account));
    loop_type::run(loop_);
  }
  basic_launcher(basic_launcher&&) noexcept = default;
  basic_launcher& operator=(basic_launcher&& other) noexcept {
    stop();
    loop_ = std::move(other.loop_);
    return *this;
  }
  ~basic_launcher() { stop(); }

  /// Starts no more workers and cancels the starts under way. Returns at once.
  void stop() noexcept {
    if (!loop_)
      return;
    loop_->stopped.store(true);
    loop_->wake();
  }

  /// From now on these. Workers and starts under way are left as they are; `per_worker` and `jitter_seed`
  /// stay what they were.
  void reconfigure(launcher_options options) { loop_->change(std::move(options)); }

  /// Replaces the workers that are there now: `at_a_time` of them are being ended or started at any time,
  /// each ends when its call does. New ones are started when they are needed, as ever.
  void recycle(std::uint64_t at_a_time = 1) { loop_->recycle(at_a_time); }

  /// The last failed start, if none has succeeded since.
  std::optional<launch_failure> last_failure() const {
    const auto f = loop_->queue->last_failure();
    return f ? std::optional(*f) : std::nullopt;
  }

  /// The same, as it is shown.
  std::optional<failure_view> failure_now() const { return loop_->failure_now(); }

  /// Fills in the policy, the last decisions, the workers, the last failure and the leaks.
  void write_to(queue_detail& out) const { loop_->write_to(out); }

 private:
  std::shared_ptr<loop_type> loop_;
};

/// What programs name: the launcher of a `slot_queue`.
template <slot Slot>
using launcher = basic_launcher<Slot>;

} // namespace hotslot

#endif
