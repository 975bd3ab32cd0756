// Starts workers for one queue when they are needed, and ends them when they are not.
#ifndef HOTSLOT_LAUNCHER_HPP
#define HOTSLOT_LAUNCHER_HPP

#include <hotslot/detail/launcher/launcher_state.hpp>
#include <hotslot/launcher_options.hpp>
#include <hotslot/slot_queue.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <tuple>
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
  using state = detail::launcher_state<Slot, Executor, Traits>;
  using impl_type = typename state::impl_type;
  using core_type = typename impl_type::core_type;
  using actions = typename impl_type::actions;
  using clock_type = typename Traits::clock_type;
  using time_point = typename clock_type::time_point;
  using timer_type = typename Traits::template timer_type<Executor>;
  using token_type = basic_slot_token<Slot, Executor, Traits>;
  using state_pointer = std::shared_ptr<state>;

 public:
  using queue_type = basic_slot_queue<Slot, Executor, Traits>;
  using tracker_type = basic_resource_tracker<Executor>;

  /// Makes one worker. Throws when it cannot; cancelled (terminal), it removes what it has made so far.
  using factory_type = std::function<asio::awaitable<Slot, Executor>()>;

  /// Starts the loop. `tracker`, where given, is what workers reserve their resources from, and where others
  /// may have idle ones evicted.
  basic_launcher(const queue_type& queue, factory_type factory, launcher_options options = {},
                 std::optional<tracker_type> tracker = std::nullopt)
    : state_(std::make_shared<state>(queue.impl_.get(), std::move(factory), std::move(options),
                                     std::move(tracker))) {
    state_->begin();
    asio::co_spawn(state_->strand, run(state_), asio::detached);
  }
  basic_launcher(basic_launcher&&) noexcept = default;
  basic_launcher& operator=(basic_launcher&& other) noexcept {
    stop();
    state_ = std::move(other.state_);
    return *this;
  }
  ~basic_launcher() { stop(); }

  /// Starts no more workers and cancels the starts under way. Returns at once.
  void stop() noexcept {
    if (!state_)
      return;
    state_->stop.set();
    state_->wake();
  }

  /// From now on these. Workers and starts under way are left as they are; `per_worker` and `jitter_seed`
  /// stay what they were.
  void reconfigure(launcher_options options) {
    state_->change(std::move(options));
    state_->wake();
  }

  /// Replaces the workers that are there now: `at_a_time` of them are being ended or started at any time,
  /// each ends when its call does. New ones are started when they are needed, as ever.
  void recycle(std::uint64_t at_a_time = 1) {
    state_->workers.recycle(impl_type::now(), at_a_time);
    state_->wake();
  }

  /// The last failed start, if none has succeeded since.
  std::optional<launch_failure> last_failure() const { return state_->failure(); }

  /// The same, as it is shown.
  std::optional<failure_view> failure_now() const { return state_->failure_now(); }

  /// Fills in the policy, the last decisions, the workers and the last failure.
  void write_to(queue_detail& out) const { state_->write_to(out); }

 private:
  static constexpr auto as_tuple = asio::as_tuple(asio::use_awaitable_t<Executor>());

  // Signalled, aged out or stopped: all three come through the signaller, since a race of three waits for
  // each decision would cost more than the decision.
  static asio::awaitable<void, Executor> run(state_pointer self) {
    alarm wake_up(self);
    while (!self->stop.is_set() && !self->queue->closed()) {
      const auto next = self->decide(impl_type::now());
      for (auto n = next.start; n != 0; --n)
        asio::co_spawn(self->strand, start_worker(self), asio::detached);
      wake_up.set(to_time_point(next.wake));
      co_await self->signaller.async_receive(as_tuple);
    }
    self->stop.set();
    self->end();
  }

  /// Wakes the launcher at a time, or before: one that is set for earlier is left to run out.
  class alarm {
   public:
    explicit alarm(const state_pointer& s)
      : state_(s)
      , timer_(Executor(s->strand)) {}

    void set(time_point at) {
      if (at >= *set_for_)
        return;
      *set_for_ = at;
      timer_.expires_at(at);
      timer_.async_wait([s = state_, set_for = set_for_](error_code ec) {
        if (ec)
          return;
        *set_for = time_point::max();
        s->wake();
      });
    }

   private:
    state_pointer state_;
    timer_type timer_;
    std::shared_ptr<time_point> set_for_ = std::make_shared<time_point>(time_point::max());
  };

  static time_point to_time_point(detail::timestamp t) noexcept {
    if (t == detail::timestamp::max())
      return time_point::max();
    return time_point(std::chrono::duration_cast<typename clock_type::duration>(t));
  }

  /// One worker, from its reservation to its end.
  static asio::awaitable<void, Executor> start_worker(state_pointer self) {
    typename tracker_type::reservation reserved;
    wait_cause cause = wait_cause::start;
    // GCC 12 miscompiles a co_await within a condition.
    const bool go = co_await reserve(self, reserved, cause);
    if (!go)
      co_return;
    const detail::timestamp began = impl_type::now();
    std::optional<Slot> made;
    const bool is_made = co_await make(self, made);
    if (!is_made)
      co_return;
    typename state::registry_type::worker worker(self->workers, reserved);
    std::optional<asio::awaitable<void, Executor>> gone;
    const bool queued = enqueue(*self, *made, began, cause, worker, gone);
    made.reset();
    if (queued)
      co_await look_after(self, worker, std::move(gone));
  }

  /// The new worker's slot goes into the queue. False where there was no memory for it.
  static bool enqueue(state& self, Slot& made, detail::timestamp began, wait_cause cause,
                      typename state::registry_type::worker& worker,
                      std::optional<asio::awaitable<void, Executor>>& gone) {
    try {
      gone = watch(made);
      worker.born = impl_type::now();
      worker.end = self.end_of_life(worker.born);
      self.queue->prepare_launched(std::move(made), worker.entry);
      self.workers.add(worker);
    } catch (...) {
      made.close();
      return_start(self, describe(std::current_exception()));
      return false;
    }
    self.succeeded();
    self.queue->launched(*worker.entry, worker.born - began, cause);
    return true;
  }

  static asio::awaitable<void, Executor> look_after(state_pointer self,
                                                    typename state::registry_type::worker& worker,
                                                    std::optional<asio::awaitable<void, Executor>> gone) {
    if (!gone)
      co_return co_await closed(token_type(self->queue, worker.entry, 0));
    try {
      co_await std::move(*gone);
    } catch (...) { // whatever is wrong with it, it is no longer watched
    }
    self->queue->retire(*worker.entry, eject_reason::gone);
  }

  static asio::awaitable<void, Executor> closed(token_type token) {
    co_await token.async_wait_closed(as_tuple);
  }

  static std::optional<asio::awaitable<void, Executor>> watch(Slot& s) {
    if constexpr (watched_slot<Slot, Executor>)
      return s.wait_gone();
    else
      return std::nullopt;
  }

  /// Waits for the worker's resources. False where it is not to be started.
  static asio::awaitable<bool, Executor> reserve(state_pointer self, typename tracker_type::reservation& out,
                                                 wait_cause& cause) {
    if (!self->account)
      co_return true;
    const resources size = self->options.per_worker;
    if (auto at_once = self->account->try_reserve(size)) {
      out = std::move(*at_once);
      self->queue->step([](core_type& core, actions& todo) {
        core.reserved(true, todo);
        todo.signal = true;
      });
      co_return true;
    }
    using namespace asio::experimental::awaitable_operators;
    std::exception_ptr error;
    cause = wait_cause::resources;
    {
      typename state::reserving waiting(*self);
      co_await (guarded(self->account->reserve(size), out, error) || self->stop.wait() ||
                waiting.needless.wait());
    }
    const bool may = static_cast<bool>(out) && !self->stop.is_set();
    bool go = false;
    self->queue->step([&](core_type& core, actions& todo) {
      go = may && self->is_needed(core);
      core.reserved(go, todo);
      todo.signal = true;
    });
    if (!go)
      out.release();
    if (!go && error && !self->stop.is_set() && !is_cancelled(error))
      self->failed(describe(error));
    co_return go;
  }

  static bool is_cancelled(const std::exception_ptr& error) {
    return describe(error).code == asio::error::operation_aborted;
  }

  /// Runs the factory. False where there is no worker.
  static asio::awaitable<bool, Executor> make(state_pointer self, std::optional<Slot>& out) {
    using namespace asio::experimental::awaitable_operators;
    std::exception_ptr error;
    const auto timeout = self->options.start_timeout;
    bool late = false;
    if (timeout == std::chrono::nanoseconds::max()) {
      co_await (guarded(self->factory(), out, error) || self->stop.wait());
    } else {
      timer_type timer(Executor(self->strand));
      timer.expires_at(to_time_point(impl_type::now() + timeout));
      co_await (guarded(self->factory(), out, error) || self->stop.wait() || passed(timer, late));
    }
    if (out)
      co_return true;
    return_start(*self, self->stop.is_set() ? launch_failure{.code = asio::error::operation_aborted}
                        : late              ? describe_late()
                                            : describe(error));
    co_return false;
  }

  static asio::awaitable<void, Executor> passed(timer_type& timer, bool& late) {
    auto [ec] = co_await timer.async_wait(as_tuple);
    late = !ec;
  }

  static launch_failure describe_late() {
    const error_code code = errc::start_timeout;
    return {.code = code, .message = code.message()};
  }

  /// A start that made no worker is over.
  static void return_start(state& self, const launch_failure& f) {
    const bool stopped = self.stop.is_set();
    self.queue->step([&](core_type& core, actions& todo) {
      core.launch_ended(f.code, !stopped, todo);
      todo.signal = true;
    });
    if (!stopped)
      self.failed(f);
  }

  // Ends without throwing, and keeps what the operation yielded even where the race was lost.
  template <class T, class Out>
  static asio::awaitable<void, Executor> guarded(asio::awaitable<T, Executor> operation, Out& out,
                                                 std::exception_ptr& error) {
    try {
      out = co_await std::move(operation);
    } catch (...) {
      error = std::current_exception();
    }
  }

  static launch_failure describe(std::exception_ptr error) {
    launch_failure f{.code = errc::launch_failed};
    try {
      if (error)
        std::rethrow_exception(error);
    } catch (const boost::system::system_error& e) {
      f.code = e.code();
      f.message = e.what();
    } catch (const std::exception& e) {
      f.message = e.what();
    } catch (...) {
      f.message = "unknown error";
    }
    return f;
  }

  state_pointer state_;
};

template <slot Slot>
using launcher = basic_launcher<Slot>;

} // namespace hotslot

#endif
