// What the handles of one queue share: the state machine under a mutex, and what completes its operations.
#pragma once

#include <hotslot/detail/asio/deadline_timer.hpp>
#include <hotslot/detail/asio/queue_handle.hpp>
#include <hotslot/detail/asio/queue_service.hpp>
#include <hotslot/detail/asio/slot_entry.hpp>
#include <hotslot/detail/asio/slot_watches.hpp>
#include <hotslot/detail/asio/wait_op.hpp>
#include <hotslot/detail/queue/queue_core.hpp>
#include <hotslot/queue_traits.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>

#include <atomic>
#include <cassert>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

namespace hotslot::detail {

// How each kind of operation completes; defined where its result type is.
template <slot Slot, class Executor, class Traits>
struct acquire_result;
template <slot Slot, class Executor, class Traits>
struct offer_result;

/// Lifetime: `handles_` counts the users' handles, and the last one that goes closes the queue; `references_`
/// counts whatever points here: all handles together, each operation and each link to one, each token and
/// offer, the timer, each slot that is not closed. A lease points here without counting, since its slot does.
template <slot Slot, class Executor, class Traits>
class queue_impl final : public registered_queue {
 public:
  using executor_type = Executor;
  using clock_type = typename Traits::clock_type;
  using hook_type = typename Traits::hook_type;
  using core_type = basic_queue_core<hook_type>;
  using actions = typename core_type::actions;
  using entry_type = slot_entry<Slot, typename core_type::slot_type>;
  using entry_pointer = boost::intrusive_ptr<entry_type>;
  using pointer = boost::intrusive_ptr<queue_impl>;
  using signaller_type =
      asio::experimental::basic_concurrent_channel<Executor, asio::experimental::channel_traits<>,
                                                   void(error_code)>;

  explicit queue_impl(const Executor& ex, const hook_type& hook = {})
    : registered_queue(context_of(ex))
    , executor_(ex) {
    if constexpr (is_hooked)
      state_ = new state(hook);
  }

  static timestamp now() noexcept { return to_timestamp(clock_type::now()); }
  static timestamp to_timestamp(typename clock_type::time_point t) noexcept {
    if (t == clock_type::time_point::max())
      return wait_node::no_deadline;
    return std::chrono::duration_cast<timestamp>(t.time_since_epoch());
  }

  const Executor& get_executor() const noexcept { return executor_; }

  /// Makes room for slots and waits. A queue that has never had any does without, so that it is small. To be
  /// called before the functions that take one; throws `bad_alloc`.
  void prepare() {
    if constexpr (!is_hooked)
      if (!state_.load(std::memory_order_acquire)) [[unlikely]]
        make_state();
  }

  // Slots

  /// Queues a slot; the entry it is kept in, which the caller shares with the queue, and the id of the offer.
  std::pair<entry_pointer, std::uint64_t> queue(Slot&& slot) {
    prepare();
    entry_pointer entry(new entry_type(std::move(slot)));
    intrusive_ptr_add_ref(this);
    std::uint64_t id = 0;
    act([&](state& s, work& todo) {
      s.core.queue(*entry, now(), wait_cause::start, todo);
      id = entry->id;
    });
    return {std::move(entry), id};
  }

  entry_type* try_acquire() noexcept {
    std::unique_lock lock(mutex_);
    state* s = state_or_null();
    return s ? tell_acquired(lock, *s, s->core.try_acquire()) : nullptr;
  }

  /// For a caller that is counted as waiting.
  entry_type* try_acquire_counted() noexcept {
    std::unique_lock lock(mutex_);
    return tell_acquired(lock, *state_or_null(), state_or_null()->core.try_acquire_counted());
  }

  /// The newest idle slot, offered; null where there is none. Shared under the lock: it may be ejected at
  /// once.
  entry_pointer try_offer() noexcept {
    std::lock_guard lock(mutex_);
    slot_node* s = state_or_null() ? state_or_null()->core.try_offer() : nullptr;
    return s ? &entry_of(*s) : nullptr;
  }

  /// The offered slot as a lease; null where it was lost.
  entry_type* accept(entry_type& e, std::uint64_t id) noexcept {
    std::unique_lock lock(mutex_);
    return tell_acquired(lock, *state_or_null(), state_or_null()->core.accept(e, id) ? &e : nullptr);
  }

  void release(entry_type& e, timestamp leased_at, worker_condition condition) noexcept {
    const timestamp t = now();
    act([&](state& s, work& todo) {
      s.core.release(e, t, t - leased_at, condition == worker_condition::dirty, todo);
    });
  }

  void put_back(entry_type& e) noexcept {
    const timestamp t = now();
    act([&](state& s, work& todo) { s.core.put_back(e, t, todo); });
  }

  void decline(entry_type& e, std::uint64_t id) noexcept {
    const timestamp t = now();
    act([&](state& s, work& todo) {
      if (e.place == slot_node::place_type::offered && e.id == id)
        s.core.put_back(e, t, todo);
    });
  }

  bool eject(entry_type& e, std::uint64_t id, eject_reason why = eject_reason::requested) noexcept {
    __builtin_prefetch(&e); // among many slots it is far away, and the lock is on the way to it
    bool ejected = false;
    act([&](state& s, work& todo) { ejected = s.core.eject(e, id, why, time_of_regrant(e), todo); });
    return ejected;
  }

  void retire(entry_type& e, eject_reason why) noexcept {
    act([&](state& s, work& todo) { s.core.retire(e, why, time_of_regrant(e), todo); });
  }

  void eject_idle(timestamp cutoff, std::uint64_t keep) noexcept {
    act([&](state& s, work& todo) { s.core.eject_idle(cutoff, keep, todo); });
  }

  // Waits

  /// Starts `op`, whose caller may be counted as waiting already.
  void start(wait_op_base& op, bool counted = false) noexcept {
    const timestamp t = now();
    act([&](state& s, work& todo) {
      if (op.kind == wait_node::kind_type::drain)
        s.core.wait_drained(op, t, todo);
      else
        s.core.wait(op, t, counted, todo);
      todo.wait_changed = op.phase == wait_node::phase_type::waiting;
      arm_timer(s, t);
    });
  }

  /// Whether `op` is to be completed now.
  bool deliver(wait_op_base& op) noexcept {
    std::unique_lock lock(mutex_);
    if (!state_or_null()->core.deliver(op))
      return false;
    disconnect(op);
    if (op.slot && op.kind == wait_node::kind_type::offer)
      intrusive_ptr_add_ref(&entry_of(*op.slot)); // the offer's, which is made after the lock is released
    if (op.slot && op.kind == wait_node::kind_type::acquire)
      tell_acquired(lock, *state_or_null(), op.slot);
    return true;
  }

  void abandon(wait_op_base& op) noexcept {
    const timestamp t = now();
    act([&](state& s, work& todo) {
      s.core.abandon(op, t, todo);
      disconnect(op);
    });
  }

  void cancel(cancel_link_base<wait_op_base>& link) noexcept {
    const timestamp t = now();
    act([&](state& s, work& todo) {
      wait_op_base* op = link.op.load(std::memory_order_relaxed);
      if (!op)
        return;
      s.core.cancel(*op, asio::error::operation_aborted, t, todo);
      todo.wait_changed = true;
    });
  }

  template <class OpBase>
  void unlink(cancel_link_base<OpBase>& link) noexcept {
    std::lock_guard lock(mutex_);
    if (OpBase* op = link.op.load(std::memory_order_relaxed))
      op->link = nullptr;
  }

  void cancel_waiters(error_code why) noexcept {
    act([&](state& s, work& todo) {
      s.core.cancel_waiters(why, todo);
      todo.wait_changed = true;
    });
  }

  /// Throws `bad_alloc`.
  void enter_waiting() {
    prepare();
    std::lock_guard lock(mutex_);
    state_or_null()->core.enter_waiting();
  }

  void leave_waiting() noexcept {
    act([&](state& s, work& todo) {
      s.core.leave_waiting(todo);
      todo.wait_changed = true;
    });
  }

  // Watches

  void start_watch(watch_node& op, entry_type& e, std::uint64_t id) noexcept {
    act([&](state& s, work& todo) { s.watches.start(op, e.watchers, e, id, todo.watches); });
  }

  bool deliver(watch_node& op) noexcept {
    std::lock_guard lock(mutex_);
    disconnect(op);
    return true;
  }

  void abandon(watch_node& op) noexcept {
    std::lock_guard lock(mutex_);
    state_or_null()->watches.abandon(op);
    disconnect(op);
  }

  void cancel(cancel_link_base<watch_node>& link) noexcept {
    act([&](state& s, work& todo) {
      if (watch_node* op = link.op.load(std::memory_order_relaxed))
        s.watches.cancel(*op, todo.watches);
    });
  }

  // Workers being started

  /// Runs `step(core, todo)` under the lock, then does what it decided.
  template <class Step>
  void step(Step&& with_core) {
    prepare();
    act([&](state& s, work& todo) { with_core(s.core, todo); });
  }

  /// The oldest idle slot, held out to whoever wants to end it, by `eject`, or gives it back, by `decline`.
  /// None where no more than `keep` are idle.
  std::pair<entry_pointer, std::uint64_t> claim_oldest(std::uint64_t keep) noexcept {
    std::lock_guard lock(mutex_);
    slot_node* s = state_or_null() ? state_or_null()->core.claim_oldest(keep) : nullptr;
    return s ? std::pair(entry_pointer(&entry_of(*s)), s->id) : std::pair(entry_pointer(), std::uint64_t());
  }

  /// Calls `f` with the state machine, under the lock, where there is one.
  template <class F>
  void look(F&& f) const noexcept {
    std::lock_guard lock(mutex_);
    if (const state* s = state_or_null())
      f(s->core);
  }

  /// Pauses the idle slots that have been idle since `cutoff` or longer; see `basic_queue_core::pause_idle`.
  timestamp pause_idle(timestamp cutoff) noexcept requires pausable_slot<Slot> {
    std::lock_guard lock(mutex_);
    if (!state_or_null())
      return timestamp::max();
    return state_or_null()->core.pause_idle(cutoff, [](slot_node& s) { entry_of(s).slot.pause(); });
  }

  /// What is known of a slot, at one instant.
  slot_node look_at(const entry_type& e) const noexcept {
    std::lock_guard lock(mutex_);
    return e;
  }

  /// Everything about a started worker's slot that can fail. Throws `bad_alloc` and what moving a slot
  /// throws.
  void prepare_launched(Slot&& slot, entry_pointer& out) { out.reset(new entry_type(std::move(slot)), true); }

  /// The worker becomes a slot in the same step in which it stops being a start.
  void launched(entry_type& e, timestamp took, wait_cause origin) noexcept {
    intrusive_ptr_add_ref(this);
    act([&](state& s, work& todo) {
      s.core.launched(took);
      s.core.queue(e, now(), origin, todo);
      todo.signal = true;
    });
  }

  /// The channel by which a wait that begins or ends, and a slot that is closed, wake the launcher.
  signaller_type& signaller() {
    prepare();
    std::lock_guard lock(mutex_);
    if (!state_or_null()->signaller)
      state_or_null()->signaller = std::make_unique<signaller_type>(executor_, 1);
    return *state_or_null()->signaller;
  }

  // The queue

  void close() noexcept {
    if (close_without_state())
      return;
    act([&](state& s, work& todo) {
      s.core.close(todo);
      s.timer.cancel();
      todo.signal = true;
    });
  }

  bool closed() const noexcept {
    std::lock_guard lock(mutex_);
    return state_or_null() ? state_or_null()->core.closed() : closed_;
  }

  queue_snapshot snapshot() const noexcept {
    std::lock_guard lock(mutex_);
    return state_or_null() ? state_or_null()->core.snapshot() : queue_snapshot();
  }

  queue_histograms histograms() const noexcept {
    std::lock_guard lock(mutex_);
    return state_or_null() ? state_or_null()->core.histograms() : queue_histograms();
  }

  bool is_idle() const noexcept {
    std::lock_guard lock(mutex_);
    return !state_or_null() || state_or_null()->core.is_idle();
  }

  /// Whether nobody but one handle holds the queue and nothing is in it.
  bool is_abandoned() const noexcept {
    std::lock_guard lock(mutex_);
    return handles_.load(std::memory_order_acquire) == 1 &&
           (!state_or_null() || (state_or_null()->core.is_idle() && state_or_null()->core.live() == 0));
  }

  // Lifetime

  void add_handle() noexcept {
    if (handles_.fetch_add(1, std::memory_order_relaxed) == 0)
      intrusive_ptr_add_ref(this);
  }

  void drop_handle() noexcept {
    if (handles_.fetch_sub(1, std::memory_order_acq_rel) != 1)
      return;
    close();
    intrusive_ptr_release(this);
  }

  friend void intrusive_ptr_add_ref(queue_impl* q) noexcept {
    q->references_.fetch_add(1, std::memory_order_relaxed);
  }
  friend void intrusive_ptr_release(queue_impl* q) noexcept {
    if (q->references_.fetch_sub(1, std::memory_order_acq_rel) == 1)
      delete q;
  }

 private:
  using timer_type = typename Traits::template timer_type<Executor>;

  static constexpr bool is_hooked = queue_recorder<hook_type>::is_hooked;

  struct state {
    explicit state(const hook_type& hook)
      : core(hook) {}

    core_type core;
    slot_watches watches;
    deadline_timer<timer_type> timer;
    std::unique_ptr<signaller_type> signaller;
  };

  struct work : actions {
    watch_list watches;
    bool wait_changed = false; ///< The launcher has to look, unless it could not start a worker anyhow.
  };

  // Services are shut down newest first, and a channel must not be sent to after its own has been. So ours,
  // which takes the signallers away, comes after it.
  static asio::execution_context& context_of(const Executor& ex) {
    asio::execution_context& context = asio::query(ex, asio::execution::context);
    if (!asio::has_service<queue_service>(context))
      signaller_type(ex, 1);
    return context;
  }

  ~queue_impl() {
    const std::unique_ptr<state> gone(state_or_null());
    assert(!gone || gone->core.empty());
  }

  bool close_without_state() noexcept {
    std::lock_guard lock(mutex_);
    closed_ = true;
    return !state_or_null();
  }

  void make_state() {
    auto fresh = std::make_unique<state>(hook_type());
    std::lock_guard lock(mutex_);
    if (state_or_null())
      return;
    actions nothing;
    if (closed_)
      fresh->core.close(nothing);
    state_.store(fresh.release(), std::memory_order_release);
  }

  /// Null where the queue has had no slot and no wait. To be called under the lock, or where there is one.
  state* state_or_null() const noexcept { return state_.load(std::memory_order_relaxed); }

  /// Runs `step` under the lock, then does what it decided. Touches nothing of the queue after the lock is
  /// released, but where there is a reference that sees to it.
  template <class Step>
  void act(Step&& step) noexcept {
    work todo;
    signaller_type* signaller = nullptr;
    pointer keep;
    {
      std::lock_guard lock(mutex_);
      state* s = state_or_null();
      if (!s)
        return;
      step(*s, todo);
      if (todo.resumed)
        arm_timer(*s, now());
      for (slot_node& closed : todo.closed)
        s->watches.closed(entry_of(closed).watchers, closed, todo.watches);
      todo.signal |=
          (!todo.closed.empty() && !todo.known) || (todo.wait_changed && s->core.terms().waits_matter());
      if (todo.signal && s->signaller) {
        signaller = s->signaller.get();
        keep = this;
      }
    }
    send(todo);
    if (signaller)
      signaller->try_send(error_code());
    finish_closed(todo);
  }

  static void send(work& todo) noexcept {
    while (!todo.due.empty()) {
      auto& op = static_cast<wait_op_base&>(todo.due.front());
      todo.due.pop_front();
      op.post();
    }
    while (!todo.watches.empty()) {
      watch_node& op = todo.watches.front();
      todo.watches.pop_front();
      op.post();
    }
  }

  // Each closed slot has a reference to the queue.
  void finish_closed(work& todo) noexcept {
    while (!todo.closed.empty()) {
      entry_type& e = entry_of(todo.closed.front());
      todo.closed.pop_front();
      e.close_and_destroy();
      intrusive_ptr_release(&e);
      intrusive_ptr_release(this);
    }
  }

  static entry_type& entry_of(slot_node& s) noexcept { return static_cast<entry_type&>(s); }

  // An ejection is told the time only where it may grant another slot.
  static timestamp time_of_regrant(const entry_type& e) noexcept {
    return e.undelivered_to() ? now() : timestamp();
  }

  // Ends the watches of a slot that has just been acquired. Gives up the lock.
  entry_type* tell_acquired(std::unique_lock<typename Traits::mutex_type>& lock, state& s,
                            slot_node* acquired) noexcept {
    if (!acquired)
      return nullptr;
    entry_type& e = entry_of(*acquired);
    const bool paused = e.paused;
    e.paused = false;
    const bool low = s.core.terms().missed_minimum(s.core.idle());
    if (!e.watchers.empty())
      end_watches(lock, s, e);
    if (paused || low) [[unlikely]] {
      if (lock.owns_lock())
        lock.unlock();
      if constexpr (pausable_slot<Slot>)
        if (paused)
          e.slot.resume();
      if (low && s.signaller)
        s.signaller->try_send(error_code());
    }
    return &e;
  }

  // Gives up the lock.
  static void end_watches(std::unique_lock<typename Traits::mutex_type>& lock, state& s,
                          entry_type& e) noexcept {
    work todo;
    s.watches.acquired(e.watchers, todo.watches);
    lock.unlock();
    send(todo);
  }

  template <class OpBase>
  static void disconnect(OpBase& op) noexcept {
    if (op.link)
      std::exchange(op.link, nullptr)->op.store(nullptr, std::memory_order_release);
  }

  void arm_timer(state& s, timestamp t) {
    s.timer.arm(executor_, t, s.core.next_deadline(), [this](std::uint32_t round) {
      return [self = pointer(this), round](error_code) { self->on_timer(round); };
    });
  }

  void on_timer(std::uint32_t round) noexcept {
    std::unique_ptr<timer_type> unneeded;
    act([&](state& s, work& todo) {
      if (!s.timer.ran(round))
        return;
      const timestamp t = now();
      s.core.expire(t, todo);
      todo.wait_changed = true;
      if (s.core.next_deadline() == wait_node::no_deadline)
        unneeded = s.timer.take();
      else
        arm_timer(s, t);
    });
  }

  void shut_down() noexcept override {
    const pointer keep(this);
    actions todo;
    slot_watches::all_list watches;
    // What belongs to the context goes with it, since leases and handles may outlive it.
    std::unique_ptr<signaller_type> signaller;
    std::unique_ptr<timer_type> timer;
    {
      std::lock_guard lock(mutex_);
      state* s = state_or_null();
      if (!s)
        return;
      signaller = std::move(s->signaller);
      timer = s->timer.end();
      s->core.forget_waits(todo);
      s->watches.forget_all(watches);
    }
    while (!todo.due.empty()) {
      auto& op = static_cast<wait_op_base&>(todo.due.front());
      todo.due.pop_front();
      op.destroy();
    }
    while (!watches.empty()) {
      watch_node& op = watches.front();
      watches.pop_front();
      op.destroy();
    }
  }

  mutable typename Traits::mutex_type mutex_;
  std::atomic<state*> state_{nullptr};
  std::atomic<std::uint32_t> handles_{0};
  std::atomic<std::uint32_t> references_{0};
  Executor executor_;
  bool closed_ = false; ///< Before there was a state.
};

} // namespace hotslot::detail
