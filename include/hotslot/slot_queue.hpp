// The slot queue of one key: idle slots, waiting callers, counters.
#ifndef HOTSLOT_SLOT_QUEUE_HPP
#define HOTSLOT_SLOT_QUEUE_HPP

#include <hotslot/dequeuer.hpp>
#include <hotslot/detail/asio/time_limit.hpp>
#include <hotslot/lease.hpp>
#include <hotslot/lease_error.hpp>
#include <hotslot/slot_token.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cassert>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <optional>
#include <source_location>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace hotslot {

/// Which idle slot is lent next.
enum class idle_order : std::uint8_t { newest, oldest };

namespace detail {

template <class Impl, class Lease>
Lease lease_or_throw(const Impl& impl, std::tuple<error_code, Lease> outcome) {
  if (const error_code& why = std::get<error_code>(outcome))
    throw lease_error(why, impl.last_failure(), impl.time());
  return std::get<Lease>(std::move(outcome));
}

template <class Impl>
struct slotless_result {
  static bool ready(Impl& impl, wait_op_base& op) noexcept { return impl.deliver(op); }
  static void abandon(Impl& impl, wait_op_base& op) noexcept { impl.abandon(op); }
  static std::tuple<error_code> make(Impl&, wait_op_base& op) noexcept { return {op.result}; }
};

/// A caller that is counted as waiting only while its operation waits.
template <class Impl>
struct uncounted_caller {
  queue_handle<Impl> queue;

  bool hand_over() noexcept { return false; }
};

/// A caller that is counted as waiting from now on. A copy, which a deferred operation may be asked for, is
/// another caller, counted from when it waits.
template <class Impl>
struct counted_caller {
  counted_caller() = default;
  explicit counted_caller(const queue_handle<Impl>& q)
    : queue(q)
    , counted(true) {
    queue->enter_waiting();
  }
  counted_caller(const counted_caller& other) noexcept
    : queue(other.queue) {}
  counted_caller(counted_caller&& other) noexcept
    : queue(std::move(other.queue))
    , counted(other.hand_over()) {}
  counted_caller& operator=(counted_caller&& other) noexcept {
    give_up();
    queue = std::move(other.queue);
    counted = other.hand_over();
    return *this;
  }
  ~counted_caller() { give_up(); }

  /// Whether there is a count, which whoever asks has from now on.
  bool hand_over() noexcept { return std::exchange(counted, false); }

  /// The count in hands of its own; the queue is kept open by both.
  counted_caller handed_over() noexcept {
    counted_caller other;
    other.queue = queue;
    other.counted = hand_over();
    return other;
  }

  void give_up() noexcept {
    if (hand_over())
      queue->leave_waiting();
  }

  queue_handle<Impl> queue;
  bool counted = false;
};

template <slot Slot, class Executor, class Traits, class Caller>
struct initiate_acquire {
  using impl_type = queue_impl<Slot, Executor, Traits>;
  using executor_type = Executor;

  Caller caller;
  std::source_location where;
  start_context context;

  executor_type get_executor() const noexcept { return caller.queue->get_executor(); }

  template <class Handler>
  void operator()(Handler&& handler, timestamp deadline) {
    using handler_type = std::decay_t<Handler>;
    using op_type = queue_op<impl_type, wait_op_base, acquire_result<Slot, Executor, Traits>, handler_type>;
    caller.queue->prepare();
    handler_type copy(std::forward<Handler>(handler));
    auto op = op_type::create(caller.queue.get(), std::move(copy), wait_node::kind_type::acquire, deadline);
    op->where = where;
    op->context = std::move(context);
    op->connect();
    caller.queue->start(*op.release(), caller.hand_over());
  }
};

} // namespace detail

/// The slots of one kind of worker: the idle ones, newest first to callers; the callers that wait, oldest
/// first; counters and latencies.
///
/// An object of this type is a handle: copies share one queue. The last handle that goes closes the queue.
/// Leases and tokens are no handles, but what they need of the queue lives as long as they do.
///
/// Invariants: a slot is in one place, and closed once, or detached; at rest there is never an idle slot and
/// a waiting caller, but in a queue that is suspended, or has to validate the slot first; a queued slot ends
/// one wait at most; a caller that goes away leaves the slot it was granted to the next one; a newcomer never
/// overtakes a waiting caller.
///
/// Executor: operations complete through their handler's associated executor, else through the queue's, and
/// never inline. When the execution context of the queue's executor is destroyed, the operations that wait
/// are destroyed. Thread safety: distinct handles of one queue may be used from any thread at the same time.
/// Deadlines bound the wait for a grant: a time of `clock_type`, or a `std::chrono::duration` from the call
/// on. Like a pointer, a handle that is const is not one on a const queue.
template <slot Slot, class Executor = asio::any_io_executor, class Traits = queue_traits>
class basic_slot_queue {
  using impl_type = detail::queue_impl<Slot, Executor, Traits>;

 public:
  using slot_type = Slot;
  using executor_type = Executor;
  using clock_type = typename Traits::clock_type;
  using time_point = typename clock_type::time_point;
  using time_limit = detail::time_limit<clock_type>;
  using lease_type = basic_lease<Slot, Executor, Traits>;
  using token_type = basic_slot_token<Slot, Executor, Traits>;
  using dequeuer_type = basic_dequeuer<Slot, Executor, Traits>;
  using ticket_type = basic_ticket<Slot, Executor, Traits>;
  using signaller_type = typename impl_type::signaller_type;
  using upkeep_type = typename impl_type::upkeep_type;

  using hook_type = typename Traits::hook_type;

  /// A new, open, empty queue, whose events `hook` is told.
  explicit basic_slot_queue(const executor_type& ex, const hook_type& hook = {})
    : impl_(new impl_type(ex, hook)) {}

  /// The same for the executor of an execution context.
  template <class ExecutionContext>
  requires std::is_convertible_v<ExecutionContext&, asio::execution_context&>
  explicit basic_slot_queue(ExecutionContext& context, const hook_type& hook = {})
    : basic_slot_queue(executor_type(context.get_executor()), hook) {}

  executor_type get_executor() const noexcept { return impl_->get_executor(); }

  /// How the queue's slots are looked after between calls. Precondition of this and the next: there has been
  /// no slot. Both throw `bad_alloc`.
  void set_upkeep(upkeep_type how) const { impl_->set_upkeep(std::move(how)); }

  /// From now on leases that are out for too long are told, counted (`queue_totals::leaked`), and listed by
  /// `leaks`, until the queue is closed: a call that is under way on another thread may end after `close` has
  /// returned. While a lease is out that has not leaked, the context's `run()` does not return.
  /// Preconditions: also that no launcher makes a slot yet; `leak_after` is positive. Cost: one clock reading
  /// for each acquisition, a timer once a second while leases are out, 64 bytes for each slot.
  void set_leak_detection(leak_detection how) const { impl_->set_leak_detection(std::move(how)); }

  /// The leases that have leaked and not come back, oldest first. Cost: one mutex; linear in them. Throws
  /// `bad_alloc`.
  std::vector<leaked_lease> leaks() const { return impl_->leaks(); }

  /// Which idle slot is lent next: by default the newest, so that the others may end, or be paused. With
  /// `oldest` all are used in turn. The oldest is ejected first in any case. Throws `bad_alloc`.
  void set_order(idle_order order) const {
    impl_->step([order](auto& core, auto&) { core.idle_slots().lend_oldest(order == idle_order::oldest); });
  }

  /// Queues a free slot: to the longest waiting caller if there is one, else as the newest idle slot. Where
  /// the queue is closed the slot is closed at once. Throws `bad_alloc`, and whatever moving a slot throws;
  /// the slot is destroyed then, not closed.
  token_type queue_slot(Slot slot) const {
    auto [entry, id] = impl_->queue(std::move(slot));
    return token_type(impl_.get(), std::move(entry), id);
  }

  /// The newest idle slot, or the oldest one by `set_order`; an empty lease where there is none, or it has to
  /// be validated, which it is then for whoever comes next. `where` is for leak detection. Cost: one mutex,
  /// one clock reading; two where the queue validates or looks for leaks.
  lease_type try_acquire(std::source_location where = std::source_location::current()) const noexcept {
    return lease_type(*impl_.get(), impl_->try_acquire(where));
  }

  /// The same. Where there is none `ec` says why at that instant: `errc::none_idle`, `errc::not_validated`,
  /// `errc::queue_suspended` or `errc::queue_closed`.
  lease_type try_acquire(error_code& ec,
                         std::source_location where = std::source_location::current()) const noexcept {
    errc none{};
    lease_type lease(*impl_.get(), impl_->try_acquire(where, &none));
    ec = lease ? error_code() : make_error_code(none);
    return lease;
  }

  /// Acquires a slot, at the latest by `deadline`.
  ///
  /// Completion signature: `void(error_code, lease_type)`. Errors: `errc::deadline_exceeded`,
  /// `errc::queue_closed`, `errc::queue_full`, `errc::overloaded`, `errc::deadline_unreachable`,
  /// `operation_aborted` where cancelled, and the error of a failed launch. Cancellation: terminal, partial
  /// and total; all leave the queue as if the caller had never been there. Cost: one allocation by the
  /// handler's allocator, two mutexes, one post; no timer of its own.
  template <class CompletionToken = asio::default_completion_token_t<Executor>>
  auto async_acquire(time_limit deadline,
                     CompletionToken&& token = asio::default_completion_token_t<Executor>(),
                     std::source_location where = std::source_location::current()) const {
    return asio::async_initiate<CompletionToken, void(error_code, lease_type)>(
        initiate_acquire{{impl_}, where, {}}, token, impl_type::to_timestamp(deadline.at()));
  }

  /// The same; `context` goes to the factory of the worker that is started for this caller, if one is.
  template <class CompletionToken = asio::default_completion_token_t<Executor>>
  auto async_acquire(start_context context, time_limit deadline,
                     CompletionToken&& token = asio::default_completion_token_t<Executor>(),
                     std::source_location where = std::source_location::current()) const {
    return asio::async_initiate<CompletionToken, void(error_code, lease_type)>(
        initiate_acquire{{impl_}, where, std::move(context)}, token, impl_type::to_timestamp(deadline.at()));
  }

  /// The same without a deadline.
  template <class CompletionToken = asio::default_completion_token_t<Executor>>
  requires(!std::is_convertible_v<CompletionToken, time_limit>) auto async_acquire(
      start_context context, CompletionToken&& token = asio::default_completion_token_t<Executor>(),
      std::source_location where = std::source_location::current()) const {
    return async_acquire(std::move(context), time_point::max(), std::forward<CompletionToken>(token), where);
  }

  /// The same without either.
  template <class CompletionToken = asio::default_completion_token_t<Executor>>
  requires(
      !std::is_convertible_v<CompletionToken, time_limit> &&
      !std::is_same_v<std::decay_t<CompletionToken>,
                      start_context>) auto async_acquire(CompletionToken&& token =
                                                             asio::default_completion_token_t<Executor>(),
                                                         std::source_location where =
                                                             std::source_location::current()) const {
    return async_acquire(time_point::max(), std::forward<CompletionToken>(token), where);
  }

  /// The awaitable that does not suspend where a slot is idle. Throws `lease_error`, which is a
  /// `system_error`, with the errors of `async_acquire`. Lifetime: this handle has to outlive the awaitable.
  asio::awaitable<lease_type, Executor>
  acquire(time_limit deadline = time_point::max(),
          std::source_location where = std::source_location::current()) const {
    return acquire(start_context(), deadline, where);
  }

  /// The same; `context` goes to the factory of the worker that is started for this caller, if one is.
  asio::awaitable<lease_type, Executor>
  acquire(start_context context, time_limit deadline = time_point::max(),
          std::source_location where = std::source_location::current()) const {
    if (lease_type lease = try_acquire(where))
      co_return lease;
    co_return detail::lease_or_throw(
        *impl_.get(), co_await async_acquire(std::move(context), deadline,
                                             asio::as_tuple(asio::use_awaitable_t<Executor>()), where));
  }

  /// The last failed start of a worker by the queue's launcher, if none has succeeded since. Cost: one mutex;
  /// throws `bad_alloc`.
  std::optional<launch_failure> last_failure() const {
    const auto f = impl_->last_failure();
    return f ? std::optional(*f) : std::nullopt;
  }

  /// Counts the caller as waiting from now on, until it has acquired a slot through the ticket or given it
  /// up.
  ticket_type enter() const;

  /// Fn's stream of offered slots.
  dequeuer_type start_dequeuer() const { return dequeuer_type(impl_); }

  /// Ends the waits of all callers for a slot with `operation_aborted`. The queue stays as it is. Throws
  /// `bad_alloc`, but not once there has been a slot or a wait.
  void cancel() const {
    impl_->step([&](auto& core, auto& todo) {
      core.cancel_waiters(asio::error::operation_aborted, todo);
      todo.wait_changed = true;
    });
  }

  /// Ends up to `n` of the longest waits with `why`, the error of a failed launch. Throws `bad_alloc`.
  void fail_waiters(error_code why, std::uint64_t n) const {
    impl_->step([&](auto& core, auto& todo) {
      core.fail_waiters(why, n, todo);
      todo.wait_changed = true;
    });
  }

  /// Ends the queue: idle slots and those granted but not delivered are closed, waits end with
  /// `errc::queue_closed`, leased slots are closed when they come back, later calls are refused.
  void close() const noexcept { impl_->close(); }
  bool is_open() const noexcept { return !impl_->closed(); }

  /// From now on nobody gets a slot, as long as the backend is worked on, say: callers wait, within their
  /// deadlines. Slots that are lent, or granted to somebody already, are not taken back. Idle ones are kept
  /// as ever; no worker is started for callers. Throws `bad_alloc`.
  void suspend() const {
    impl_->step([](auto& core, auto& todo) { core.suspend(todo); });
  }
  /// Ends that: those who have waited longest get the slots that are idle. Throws `bad_alloc`.
  void resume() const { impl_->resume(); }
  bool is_suspended() const noexcept {
    bool suspended = false;
    impl_->look([&](const auto& core) { suspended = core.suspended(); });
    return suspended;
  }

  /// Waits until the queue is closed, its last slot has come back, the last `close()` has returned, and no
  /// worker is being started or on its way out.
  ///
  /// Completion signature: `void(error_code)`; `errc::deadline_exceeded`, `operation_aborted`. Executor and
  /// cancellation as `async_acquire`.
  template <class CompletionToken = asio::default_completion_token_t<Executor>>
  auto async_drain(time_limit deadline,
                   CompletionToken&& token = asio::default_completion_token_t<Executor>()) const {
    return start_wait(detail::wait_node::kind_type::drain, 0, deadline, token);
  }
  /// The same without a deadline.
  template <class CompletionToken = asio::default_completion_token_t<Executor>>
  requires(!std::is_convertible_v<CompletionToken, time_limit>) auto async_drain(
      CompletionToken&& token = asio::default_completion_token_t<Executor>()) const {
    return async_drain(time_point::max(), std::forward<CompletionToken>(token));
  }

  /// Waits until `n` slots are idle at once: until a pool is warm. It keeps none of them, and starts no
  /// worker, as `min_idle` does.
  ///
  /// Completion signature: `void(error_code)`; `errc::deadline_exceeded`, `errc::queue_closed`,
  /// `operation_aborted`. Executor and cancellation as `async_acquire`.
  template <class CompletionToken = asio::default_completion_token_t<Executor>>
  auto async_wait_idle(std::uint64_t n, time_limit deadline,
                       CompletionToken&& token = asio::default_completion_token_t<Executor>()) const {
    return start_wait(detail::wait_node::kind_type::idle, n, deadline, token);
  }
  /// The same without a deadline.
  template <class CompletionToken = asio::default_completion_token_t<Executor>>
  requires(!std::is_convertible_v<CompletionToken, time_limit>) auto async_wait_idle(
      std::uint64_t n, CompletionToken&& token = asio::default_completion_token_t<Executor>()) const {
    return async_wait_idle(n, time_point::max(), std::forward<CompletionToken>(token));
  }

  /// At most `n` callers wait, beside those for whom a launcher starts a worker or can start one; the next is
  /// refused with `errc::queue_full`. Throws `bad_alloc`.
  void limit_waiters(std::uint64_t n) const {
    impl_->step([n](auto& core, auto&) { core.overload().limit_waiters(n); });
  }

  /// What becomes of callers when there are too many of them, or they would wait for too long; all of it
  /// anew, the bound of `limit_waiters` included. Throws `bad_alloc`.
  void set_overload(const overload_options& options) const {
    impl_->step([&](auto& core, auto&) { core.overload() = detail::overload_control(options); });
  }

  /// In how long a caller that came now would be served, by the queue's averages; none where that cannot be
  /// said. For Retry-After.
  std::optional<std::chrono::nanoseconds> forecast_wait() const noexcept {
    std::optional<std::chrono::nanoseconds> wait;
    impl_->look([&](const auto& core) { wait = core.forecast_wait(); });
    return wait;
  }

  /// Closes idle slots, oldest first, that have been idle since `since` or longer, as long as more than
  /// `keep` slots are left.
  void eject_idle(time_point since, std::uint64_t keep = 0) const noexcept {
    impl_->eject_idle(impl_type::to_timestamp(since), keep);
  }

  /// Closes the idle slots of which `unwanted(slot)` says so, which is given them as constants, oldest first,
  /// under the queue's lock: it has to be quick, must not use the queue, and does not throw. Returns how
  /// many.
  template <class Predicate>
  requires std::predicate<Predicate&, const Slot&> std::uint64_t eject_if(Predicate unwanted)
  const noexcept { return impl_->eject_if(unwanted); }

  /// The channel of capacity 1 that is sent to, without blocking, when a wait begins or ends unserved and
  /// when a slot is closed. For one receiver: the launcher. Lives as long as the queue and its executor's
  /// context. A `basic_launcher` that has no room for another worker is not sent to for waits.
  signaller_type& signaller() const { return impl_->signaller(); }

  /// Counters and latencies at one instant. Cost: one mutex, no allocation.
  queue_snapshot snapshot() const noexcept { return impl_->snapshot(); }

  /// The distribution of wait, run and start times so far, at one instant. Empty before the first slot or
  /// wait; a histogram that there was no memory for is empty too. Cost: one mutex, a copy of 10 KB.
  queue_histograms histograms() const noexcept { return impl_->histograms(); }

  /// Whether nobody waits, starts or runs.
  bool is_idle() const noexcept { return impl_->is_idle(); }

  friend bool operator==(const basic_slot_queue& a, const basic_slot_queue& b) noexcept {
    return a.impl_.get() == b.impl_.get();
  }

 private:
  template <slot, class, class>
  friend class basic_ticket;
  template <slot, class, class>
  friend class basic_launcher;
  template <slot, queue_key, class, class>
  friend class basic_slot_queue_manager;

  using acquisition = typename impl_type::acquisition;

  /// For the manager, which holds a lock in between.
  static void complete(const lease_type& l, const acquisition& got) noexcept {
    if (l)
      l.impl_->complete(l.entry_, got);
  }
  lease_type try_acquire(const std::source_location& where, acquisition& got) const noexcept {
    return lease_type(*impl_.get(), impl_->try_acquire(where, got));
  }

  /// Of those that are granted no slot.
  template <class CompletionToken>
  auto start_wait(detail::wait_node::kind_type kind, std::uint64_t n, time_limit deadline,
                  CompletionToken& token) const {
    return asio::async_initiate<CompletionToken, void(error_code)>(
        [queue = impl_, kind, n](auto handler, detail::timestamp d) {
          using handler_type = decltype(handler);
          using op_type = detail::queue_op<impl_type, detail::wait_op_base,
                                           detail::slotless_result<impl_type>, handler_type>;
          queue->prepare();
          auto op = op_type::create(queue.get(), std::move(handler), kind, d);
          op->id = n;
          op->connect();
          queue->start(*op.release());
        },
        token, impl_type::to_timestamp(deadline.at()));
  }

  using initiate_acquire =
      detail::initiate_acquire<Slot, Executor, Traits, detail::uncounted_caller<impl_type>>;

  detail::queue_handle<impl_type> impl_;
};

/// What programs name: a queue on any executor.
template <slot Slot>
using slot_queue = basic_slot_queue<Slot>;
/// A lease of such a queue.
template <slot Slot>
using lease = basic_lease<Slot>;
/// What a lease of such a queue is detached as.
template <slot Slot>
using detached_slot = basic_detached_slot<Slot>;
/// A token of such a queue.
template <slot Slot>
using slot_token = basic_slot_token<Slot>;

/// A caller that is counted as waiting since it looked its queue up. Move-only; keeps the queue open.
///
/// Spent by the acquisition of a slot and by `async_acquire`. Destroyed unspent, the caller stops being
/// counted; so it does where the operation is destroyed before it starts. Thread safety: distinct objects are
/// safe, a shared one is not.
template <slot Slot, class Executor = asio::any_io_executor, class Traits = queue_traits>
class basic_ticket {
  using impl_type = detail::queue_impl<Slot, Executor, Traits>;

 public:
  using queue_type = basic_slot_queue<Slot, Executor, Traits>;
  using lease_type = typename queue_type::lease_type;
  using time_point = typename queue_type::time_point;
  using time_limit = typename queue_type::time_limit;

  basic_ticket() = default;
  basic_ticket(basic_ticket&&) noexcept = default;
  basic_ticket& operator=(basic_ticket&&) noexcept = default;

  /// Whether the caller is counted.
  explicit operator bool() const noexcept { return caller_.counted; }

  /// As `basic_slot_queue::try_acquire`.
  lease_type try_acquire(std::source_location where = std::source_location::current()) noexcept {
    assert(caller_.counted);
    auto* entry = caller_.queue->try_acquire_counted(where);
    caller_.counted = !entry;
    return lease_type(*caller_.queue.get(), entry);
  }

  /// As `basic_slot_queue::async_acquire`. Precondition: not spent.
  template <class CompletionToken = asio::default_completion_token_t<Executor>>
  auto async_acquire(time_limit deadline,
                     CompletionToken&& token = asio::default_completion_token_t<Executor>(),
                     std::source_location where = std::source_location::current()) {
    return async_acquire(start_context(), deadline, std::forward<CompletionToken>(token), where);
  }
  /// The same with a context.
  template <class CompletionToken = asio::default_completion_token_t<Executor>>
  auto async_acquire(start_context context, time_limit deadline,
                     CompletionToken&& token = asio::default_completion_token_t<Executor>(),
                     std::source_location where = std::source_location::current()) {
    assert(caller_.counted);
    return asio::async_initiate<CompletionToken, void(error_code, lease_type)>(
        initiate_acquire{caller_.handed_over(), where, std::move(context)}, token,
        impl_type::to_timestamp(deadline.at()));
  }

  /// As `basic_slot_queue::acquire`. Lifetime: this ticket has to outlive the awaitable.
  asio::awaitable<lease_type, Executor>
  acquire(time_limit deadline = time_point::max(),
          std::source_location where = std::source_location::current()) {
    return acquire(start_context(), deadline, where);
  }
  /// The same with a context.
  asio::awaitable<lease_type, Executor>
  acquire(start_context context, time_limit deadline = time_point::max(),
          std::source_location where = std::source_location::current()) {
    if (lease_type lease = try_acquire(where))
      co_return lease;
    co_return detail::lease_or_throw(*caller_.queue.get(),
                                     co_await async_acquire(std::move(context), deadline,
                                                            asio::as_tuple(asio::use_awaitable_t<Executor>()),
                                                            where));
  }

 private:
  template <slot, class, class>
  friend class basic_slot_queue;
  template <slot, queue_key, class, class>
  friend class basic_slot_queue_manager;

  using initiate_acquire =
      detail::initiate_acquire<Slot, Executor, Traits, detail::counted_caller<impl_type>>;

  explicit basic_ticket(const detail::queue_handle<impl_type>& queue)
    : caller_(queue) {}

  detail::counted_caller<impl_type> caller_;
};

template <slot Slot, class Executor, class Traits>
basic_ticket<Slot, Executor, Traits> basic_slot_queue<Slot, Executor, Traits>::enter() const {
  return ticket_type(impl_);
}

} // namespace hotslot

#endif
