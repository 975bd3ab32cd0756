// Starts workers for one queue when they are needed, and ends them when they have been idle too long.
#ifndef HOTSLOT_LAUNCHER_HPP
#define HOTSLOT_LAUNCHER_HPP

#include <hotslot/core/backoff.hpp>
#include <hotslot/core/scaling.hpp>
#include <hotslot/detail/stop_event.hpp>
#include <hotslot/resource_tracker.hpp>
#include <hotslot/slot_queue.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/strand.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <tuple>
#include <utility>

namespace hotslot {

/// Why a worker could not be started.
struct launch_failure {
  error_code code = {};
  std::string message = {};
  std::uint32_t in_a_row = 0;       ///< Failures since a start last succeeded.
  std::chrono::nanoseconds retry{}; ///< How long no start is tried.
};

struct launcher_options {
  scaling_policy policy = demand;
  std::uint64_t max_workers = std::numeric_limits<std::uint64_t>::max();
  std::chrono::nanoseconds idle_timeout = std::chrono::seconds(30); ///< Idle slots are closed after it.
  backoff_options backoff = {};
  resources per_worker = {}; ///< Reserved before each start, given back when the worker is gone.
  /// Called on the launcher's strand; does not throw.
  std::function<void(const launch_failure&)> on_failure = {};
  std::uint32_t jitter_seed = std::random_device()(); ///< Of the back-off's jitter.
};

/// A slot that knows when its worker has ended. `wait_gone()` is called once, before the slot is queued; it
/// completes when the worker has ended, for whatever reason, and nothing is left of it. It does not depend on
/// the slot's life, and where it throws the worker is taken to have ended.
template <class Slot, class Executor>
concept watched_slot = slot<Slot> && requires(Slot& s) {
  { s.wait_gone() } -> std::same_as<asio::awaitable<void, Executor>>;
};

/// The loop that the signaller exists for: signalled, or an idle slot aged out, it decides from the queue's
/// counts and starts as many workers as are needed, all at once.
///
/// A start is counted in the step that decides it. A failed one backs the launcher off; its error ends the
/// longest wait, and all waits where no other worker is there or on its way. After a failure starts are
/// probed one at a time.
///
/// Lifetime: does not keep its queue open; ends by itself when the queue is closed, after which starts under
/// way are cancelled. Destroying the launcher stops it; workers that were started live on in the queue.
/// Executor: a strand of its own on the queue's executor. Thread safety: a shared object is safe.
template <slot Slot, class Executor = asio::any_io_executor, class Traits = queue_traits>
class basic_launcher {
  using impl_type = detail::queue_impl<Slot, Executor, Traits>;
  using core_type = typename impl_type::core_type;
  using clock_type = typename Traits::clock_type;
  using time_point = typename clock_type::time_point;
  using timer_type = typename Traits::template timer_type<Executor>;
  using token_type = basic_slot_token<Slot, Executor, Traits>;

 public:
  using queue_type = basic_slot_queue<Slot, Executor, Traits>;
  using tracker_type = basic_resource_tracker<Executor>;

  /// Makes one worker. Throws when it cannot; cancelled (terminal), it removes what it has made so far.
  using factory_type = std::function<asio::awaitable<Slot, Executor>()>;

  /// Starts the loop. `tracker`, where given, is what workers reserve their resources from.
  basic_launcher(const queue_type& queue, factory_type factory, launcher_options options = {},
                 std::optional<tracker_type> tracker = std::nullopt)
    : state_(std::make_shared<state>(queue.impl_.get(), std::move(factory), std::move(options),
                                     std::move(tracker))) {
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
    if (state_)
      state_->stop.set();
  }

  /// The last failed start, if none has succeeded since.
  std::optional<launch_failure> last_failure() const {
    std::lock_guard lock(state_->mutex);
    return state_->failure;
  }

 private:
  struct state {
    state(impl_type* q, factory_type f, launcher_options o, std::optional<tracker_type> t)
      : queue(q)
      , strand(asio::make_strand(q->get_executor()))
      , signaller(q->signaller())
      , stop(q->get_executor())
      , factory(std::move(f))
      , options(std::move(o))
      , tracker(std::move(t)) {}

    typename impl_type::pointer queue;
    asio::strand<Executor> strand;
    typename impl_type::signaller_type& signaller;
    detail::stop_event<Executor> stop; ///< Set when the launcher ends: cancels the starts under way.
    factory_type factory;
    launcher_options options;
    std::optional<tracker_type> tracker;
    std::minstd_rand random{options.jitter_seed};

    // On the strand.
    std::uint32_t failures = 0;
    time_point not_before = time_point::min();

    std::mutex mutex;
    std::optional<launch_failure> failure; ///< Guarded by `mutex`.
  };
  using state_pointer = std::shared_ptr<state>;

  struct plan {
    std::uint64_t start = 0;
    time_point wake = time_point::max();
  };

  static constexpr auto as_tuple = asio::as_tuple(asio::use_awaitable_t<Executor>());

  static asio::awaitable<void, Executor> run(state_pointer self) {
    using namespace asio::experimental::awaitable_operators;
    timer_type timer(Executor(self->strand));
    while (!self->stop.is_set() && !self->queue->closed()) {
      const plan next = decide(*self, clock_type::now());
      for (auto n = next.start; n != 0; --n)
        asio::co_spawn(self->strand, start_worker(self), asio::detached);
      timer.expires_at(next.wake);
      co_await (self->signaller.async_receive(as_tuple) || timer.async_wait(as_tuple) || self->stop.wait());
    }
    self->stop.set();
    self->queue->decide_starts([](core_type& core) { core.watch_waits(true); });
  }

  /// Ages idle slots, decides how many workers to start, and counts them in the same step.
  static plan decide(state& self, time_point now) {
    const auto timeout = std::chrono::duration_cast<typename clock_type::duration>(self.options.idle_timeout);
    self.queue->eject_idle(impl_type::to_timestamp(now - timeout), 0);
    return self.queue->decide_starts([&](core_type& core) {
      plan next;
      const std::uint64_t room = room_for_more(self, core);
      core.watch_waits(room != 0);
      next.start = wanted(self, core, room);
      if (next.start != 0 && now < self.not_before) {
        next.start = 0;
        next.wake = self.not_before;
      }
      if (self.tracker)
        core.enter_reserving(next.start);
      else
        core.enter_starting(next.start);
      if (core.live() != 0)
        next.wake = std::min(next.wake,
                             core.has_idle() ? to_time_point(core.oldest_idle()) + timeout : now + timeout);
      return next;
    });
  }

  static std::uint64_t room_for_more(const state& self, const core_type& core) noexcept {
    const std::uint64_t there = core.live() + core.under_way();
    return self.options.max_workers > there ? self.options.max_workers - there : 0;
  }

  static std::uint64_t wanted(const state& self, const core_type& core, std::uint64_t room) noexcept {
    const queue_snapshot s = core.snapshot();
    const std::uint64_t n = std::min(self.options.policy(s).start, room);
    if (self.failures == 0)
      return n;
    return core.under_way() == 0 ? std::min<std::uint64_t>(n, 1) : 0;
  }

  static time_point to_time_point(detail::timestamp t) noexcept {
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
    const time_point began = clock_type::now();
    std::optional<Slot> made;
    const bool is_made = co_await make(self, made);
    if (!is_made)
      co_return;
    std::optional<asio::awaitable<void, Executor>> gone;
    typename impl_type::entry_pointer entry;
    std::uint64_t id = 0;
    try {
      gone = watch(*made);
      std::tie(entry, id) = self->queue->launched(std::move(*made), clock_type::now() - began, cause);
    } catch (...) {
      made->close();
      return_start(*self, describe(std::current_exception()));
      co_return;
    }
    made.reset();
    succeeded(*self);
    if (gone) {
      try {
        co_await std::move(*gone);
      } catch (...) { // whatever is wrong with it, it is no longer watched
      }
      self->queue->retire(*entry, eject_reason::gone);
    } else {
      co_await token_type(self->queue, std::move(entry), id).async_wait_closed(as_tuple);
    }
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
    if (!self->tracker)
      co_return true;
    if (auto at_once = self->tracker->try_reserve(self->options.per_worker)) {
      out = std::move(*at_once);
      self->queue->reserved(true);
      co_return true;
    }
    using namespace asio::experimental::awaitable_operators;
    std::exception_ptr error;
    cause = wait_cause::resources;
    co_await (guarded(self->tracker->reserve(self->options.per_worker), out, error) || self->stop.wait());
    const bool go = static_cast<bool>(out) && !self->stop.is_set();
    self->queue->reserved(go);
    if (!go && error && !self->stop.is_set())
      failed(*self, describe(error));
    co_return go;
  }

  /// Runs the factory. False where there is no worker.
  static asio::awaitable<bool, Executor> make(state_pointer self, std::optional<Slot>& out) {
    using namespace asio::experimental::awaitable_operators;
    std::exception_ptr error;
    co_await (guarded(self->factory(), out, error) || self->stop.wait());
    if (out)
      co_return true;
    return_start(*self, self->stop.is_set() ? launch_failure{.code = asio::error::operation_aborted}
                                            : describe(error));
    co_return false;
  }

  /// A start that made no worker is over.
  static void return_start(state& self, const launch_failure& f) {
    const bool stopped = self.stop.is_set();
    self.queue->launch_ended(f.code, !stopped);
    if (!stopped)
      failed(self, f);
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

  static void succeeded(state& self) {
    self.failures = 0;
    self.not_before = time_point::min();
    std::lock_guard lock(self.mutex);
    self.failure.reset();
  }

  static void failed(state& self, launch_failure f) {
    f.in_a_row = ++self.failures;
    f.retry = backoff_delay(self.options.backoff, self.failures, static_cast<std::uint32_t>(self.random()));
    self.not_before = clock_type::now() + std::chrono::duration_cast<typename clock_type::duration>(f.retry);
    {
      std::lock_guard lock(self.mutex);
      self.failure = f;
    }
    if (self.options.on_failure)
      self.options.on_failure(f);
    self.queue->launch_failed(f.code);
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
