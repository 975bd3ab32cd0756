// What the handles of one queue share: its operations.
#pragma once

#include <hotslot/detail/asio/friends.hpp>
#include <hotslot/detail/asio/locked_queue.hpp>
#include <hotslot/detail/asio/queue_handle.hpp>
#include <hotslot/detail/queue/idle_keeping.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/error.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <source_location>
#include <utility>
#include <vector>

namespace hotslot::detail {

// How each kind of operation completes; defined where its result type is.
template <slot Slot, class Executor, class Traits>
struct acquire_result;
template <slot Slot, class Executor, class Traits>
struct offer_result;

/// Lifetime: `handles_` counts the users' handles, and the last one that goes closes the queue.
template <slot Slot, class Executor, class Traits>
class queue_impl final : public locked_queue<Slot, Executor, Traits> {
  using base = locked_queue<Slot, Executor, Traits>;
  using base::act;
  using base::arm_timer;
  using base::close_without_state;
  using base::entry_of;
  using base::mutex_;
  using base::send_watches;
  using base::state_or_null;
  using typename base::state;
  using typename base::work;
  using mutex_type = typename Traits::mutex_type;

 public:
  using executor_type = Executor;
  using clock_type = typename Traits::clock_type;
  using hook_type = typename Traits::hook_type;
  using typename base::core_type;
  using typename base::entry_type;
  using entry_pointer = boost::intrusive_ptr<entry_type>;
  using pointer = boost::intrusive_ptr<queue_impl>;
  using base::now;
  using base::prepare;
  using typename base::signaller_type;
  using typename base::upkeep_type;

  explicit queue_impl(const Executor& ex, const hook_type& hook = {})
    : base(ex, hook) {}

  /// To be called before there is a slot. Throws `bad_alloc`.
  void set_upkeep(upkeep_type how) {
    prepare();
    const upkeep_terms terms{.stale_after = how.validate ? how.validate_after : timestamp::max(),
                             .resets = static_cast<bool>(how.reset)};
    auto kept = std::make_unique<const upkeep_type>(std::move(how));
    act([&](state& s, work&) {
      assert(!s.core.has_had_slots());
      s.core.set_upkeep(terms);
      s.upkeep.swap(kept);
    });
  }

  /// The same.
  void set_leak_detection(leak_detection how) {
    prepare();
    act([&](state& s, work&) {
      assert(!s.core.has_had_slots());
      s.core.watch_leases(how.leak_after);
      s.on_leak.swap(how.on_leak);
    });
  }

  // Slots

  /// What is left to do, without a lock, for whoever has got a slot.
  struct acquisition {
    bool paused = false;
    bool to_be_told = false;
  };

  /// Queues a slot; the entry it is kept in, which the caller shares with the queue, and the id of the offer.
  std::pair<entry_pointer, std::uint64_t> queue(Slot&& slot) {
    prepare();
    entry_pointer entry = prepare_slot(std::move(slot));
    intrusive_ptr_add_ref(this);
    std::uint64_t id = 0;
    act([&](state& s, work& todo) {
      const timestamp t = now();
      entry->note_birth(t);
      s.core.queue(*entry, t, wait_cause::start, todo);
      id = entry->id;
    });
    return {std::move(entry), id};
  }

  entry_type* try_acquire(const std::source_location& where, errc* why = nullptr) noexcept {
    acquisition got;
    entry_type* const e = try_acquire(where, got, why);
    complete(e, got);
    return e;
  }

  /// The same for a caller that holds a lock, without which it has to complete that. `why`, where given, is
  /// told why there is none.
  entry_type* try_acquire(const std::source_location& where, acquisition& got, errc* why = nullptr) noexcept {
    std::unique_lock lock(mutex_);
    state* s = state_or_null();
    if (!s) {
      if (why)
        *why = this->closed_ ? errc::queue_closed : errc::none_idle;
      return nullptr;
    }
    slot_node* const acquired = s->core.try_acquire(where, time_of_check_out(*s));
    if (!acquired && why)
      *why = s->core.why_none();
    if (!acquired && s->core.validates()) [[unlikely]]
      return validate_next(lock);
    return tell_acquired(lock, *s, acquired, got);
  }

  /// Without any lock.
  void complete(entry_type* e, const acquisition& got) noexcept {
    if (got.paused) [[unlikely]]
      e->resume();
    if (got.to_be_told) [[unlikely]]
      this->upkeep().on_acquire(e->slot);
  }

  /// For a caller that is counted as waiting.
  entry_type* try_acquire_counted(const std::source_location& where) noexcept {
    std::unique_lock lock(mutex_);
    state& s = *state_or_null();
    return tell_acquired(lock, s, s.core.try_acquire_counted(where, time_of_check_out(s)));
  }

  /// The newest idle slot, offered; null where there is none. Shared under the lock: it may be ejected at
  /// once.
  entry_pointer try_offer() noexcept {
    std::lock_guard lock(mutex_);
    state* q = state_or_null();
    slot_node* s = q ? q->core.try_offer(time_of_check_out(*q)) : nullptr;
    return s ? &entry_of(*s) : nullptr;
  }

  /// The offered slot as a lease; null where it was lost.
  entry_type* accept(entry_type& e, std::uint64_t id, const std::source_location& where) noexcept {
    std::unique_lock lock(mutex_);
    state& s = *state_or_null();
    return tell_acquired(lock, s, s.core.accept(e, id, time_of_check_out(s), where) ? &e : nullptr);
  }

  void release(entry_type& e, timestamp leased_at, worker_condition condition) noexcept {
    tell_released(e, condition);
    const timestamp t = now();
    act([&](state& s, work& todo) {
      s.core.release(e, t, t - leased_at, condition == worker_condition::dirty, todo);
    });
  }

  void put_back(entry_type& e) noexcept {
    tell_released(e, worker_condition::clean);
    const timestamp t = now();
    act([&](state& s, work& todo) { s.core.put_back(e, t, todo); });
  }

  /// The slot leaves the queue; the caller keeps the entry until it calls `end_detached`.
  void detach(entry_type& e) noexcept {
    act([&](state& s, work& todo) { s.core.detach(e, todo); });
  }
  void end_detached(entry_type& e) noexcept {
    const typename base::pointer keep(this);
    std::destroy_at(std::addressof(e.slot));
    act([&](state& s, work& todo) {
      s.core.finish_detached(e);
      s.watches.closed(e.watchers, e, todo.watches);
    });
    this->forget(e);
  }

  void eject_idle(timestamp cutoff, std::uint64_t keep) noexcept {
    act([&](state& s, work& todo) { detail::eject_idle(s.core, cutoff, keep, todo); });
  }

  template <class Predicate>
  std::uint64_t eject_if(Predicate&& unwanted) noexcept {
    std::uint64_t n = 0;
    act([&](state& s, work& todo) {
      n = detail::eject_if(
          s.core, [&](slot_node& e) { return unwanted(std::as_const(entry_of(e).slot)); }, todo);
    });
    return n;
  }

  // Waits

  /// Starts `op`, whose caller may be counted as waiting already.
  void start(wait_op_base& op, bool counted = false) noexcept {
    const timestamp t = now();
    act([&](state& s, work& todo) {
      if (op.kind == wait_node::kind_type::drain)
        s.core.wait_drained(op, t, todo);
      else if (op.kind == wait_node::kind_type::idle)
        s.core.wait_idle(op, t, todo);
      else
        s.core.wait(op, t, counted, todo);
      todo.wait_changed = op.is_caller() && op.phase == wait_node::phase_type::waiting;
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

  // Workers, as their launcher sees them

  timestamp time() const noexcept override { return now(); }

  void retire(slot_node& s, eject_reason why) noexcept override {
    act([&](state& q, work& todo) { q.core.retire(entry_of(s), why, time_of_regrant(s), todo); });
  }

  bool eject(slot_node& s, std::uint64_t id, eject_reason why) noexcept override {
    __builtin_prefetch(&s); // among many slots it is far away, and the lock is on the way to it
    bool ejected = false;
    act([&](state& q, work& todo) {
      ejected = q.core.eject(entry_of(s), id, why, time_of_regrant(s), todo);
    });
    return ejected;
  }

  void decline(slot_node& s, std::uint64_t id) noexcept override {
    const timestamp t = now();
    act([&](state& q, work& todo) {
      if (s.place == slot_node::place_type::offered && s.id == id)
        q.core.put_back(entry_of(s), t, todo);
    });
  }

  slot_node* claim_oldest(std::uint64_t keep) noexcept override {
    std::lock_guard lock(mutex_);
    slot_node* s = state_or_null() ? detail::claim_oldest(state_or_null()->core, keep) : nullptr;
    if (s)
      share(*s);
    return s;
  }

  bool pauses() const noexcept override { return pausable_slot<Slot>; }

  timestamp pause_idle([[maybe_unused]] timestamp cutoff) noexcept override {
    if constexpr (pausable_slot<Slot>) {
      std::lock_guard lock(mutex_);
      if (state* s = state_or_null())
        return detail::pause_idle(s->core, cutoff, [](slot_node& n) { entry_of(n).slot.pause(); });
    }
    return timestamp::max();
  }

  keepalive_terms keepalive() const noexcept override {
    std::lock_guard lock(mutex_);
    const state* s = state_or_null();
    if (!s || !s->upkeep || !s->upkeep->keepalive)
      return {};
    constexpr std::chrono::nanoseconds least = std::chrono::milliseconds(1);
    return {std::max(s->upkeep->keepalive_interval, least), s->upkeep->keepalive_jitter_percent,
            s->upkeep->keepalive_at_once};
  }

  void share(slot_node& s) noexcept override { intrusive_ptr_add_ref(&entry_of(s)); }
  void unshare(slot_node& s) noexcept override { intrusive_ptr_release(&entry_of(s)); }

  /// Everything about a new slot that can fail. Throws `bad_alloc` and what moving a slot throws.
  entry_pointer prepare_slot(Slot&& slot) {
    auto record = this->new_lease_record();
    entry_pointer entry(new entry_type(std::move(slot)));
    this->add(std::move(record));
    return entry;
  }

  /// The worker becomes a slot in the same step in which it stops being a start, if it is `counted` as one
  /// still.
  void launched(entry_type& e, timestamp took, wait_cause origin, bool counted) noexcept {
    intrusive_ptr_add_ref(this);
    e.launched = true;
    act([&](state& s, work& todo) {
      s.core.launched(took, counted);
      const timestamp t = now();
      e.note_birth(t);
      s.core.queue(e, t, origin, todo);
      todo.signal = true;
    });
  }

  // The queue

  void close() noexcept {
    if (close_without_state())
      return;
    act([&](state& s, work& todo) {
      s.core.close(todo);
      s.timer.cancel();
      s.leak_timer.cancel();
      todo.signal = true;
    });
  }

  queue_snapshot snapshot() const noexcept {
    queue_snapshot s;
    this->look([&](const core_type& core) { s = core.snapshot(); });
    return s;
  }

  void resume() {
    prepare();
    const timestamp t = now();
    act([&](state& s, work& todo) { s.core.resume(t, todo); });
  }

  // Under the lock nothing is allocated.
  std::vector<leaked_lease> leaks() const {
    std::vector<leaked_lease> all;
    for (std::size_t n = 0;; all.reserve(n)) {
      all.clear();
      n = 0;
      const timestamp t = now();
      this->look([&](const core_type& core) {
        core.leases().visit_leaked([&](const lease_record& r) {
          if (++n <= all.capacity())
            all.push_back({r.offer, t - r.since, r.where});
        });
      });
      if (n <= all.capacity())
        return all;
    }
  }

  queue_histograms histograms() const noexcept {
    queue_histograms all;
    this->look([&](const core_type& core) { all = core.histograms(); });
    return all;
  }

  bool is_idle() const noexcept {
    std::lock_guard lock(mutex_);
    return !state_or_null() || state_or_null()->core.is_idle();
  }

  /// Whether nobody but one handle holds the queue and nothing is in it.
  bool is_abandoned() const noexcept {
    std::lock_guard lock(mutex_);
    const state* s = state_or_null();
    const bool unused = !s || (s->core.is_idle() && s->core.present() == 0 && !s->core.suspended());
    return handles_.load(std::memory_order_acquire) == 1 && unused;
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

 private:
  // An ejection is told the time only where it may grant another slot.
  static timestamp time_of_regrant(const slot_node& s) noexcept {
    return s.undelivered_to() ? now() : timestamp();
  }

  // Only where it matters.
  static timestamp time_of_check_out(const state& s) noexcept {
    return s.core.validates() || s.core.watches_leases() ? now() : timestamp();
  }

  // Gives up the lock. What has to be validated first soon is, and the next one who comes may have it.
  entry_type* validate_next(std::unique_lock<mutex_type>& lock) noexcept {
    lock = {};
    act([](state& q, work& todo) { q.core.validate_next(todo); });
    return nullptr;
  }

  void tell_released(entry_type& e, worker_condition condition) noexcept {
    const auto* how = state_or_null()->upkeep.get();
    if (how && how->on_release) [[unlikely]]
      how->on_release(e.slot, condition);
  }

  // Gives up the lock.
  entry_type* tell_acquired(std::unique_lock<mutex_type>& lock, state& s, slot_node* acquired) noexcept {
    acquisition got;
    entry_type* const e = tell_acquired(lock, s, acquired, got);
    if (got.paused || got.to_be_told) [[unlikely]] {
      lock = {};
      complete(e, got);
    }
    return e;
  }

  // Ends the watches of a slot that has just been acquired. May give up the lock.
  entry_type* tell_acquired(std::unique_lock<mutex_type>& lock, state& s, slot_node* acquired,
                            acquisition& got) noexcept {
    if (!acquired)
      return nullptr;
    entry_type& e = entry_of(*acquired);
    got.paused = e.paused;
    e.paused = false;
    got.to_be_told = s.upkeep && s.upkeep->on_acquire;
    if (s.core.watches_leases() && e.lease) [[unlikely]]
      this->watch_for_leaks(s, e.lease->since);
    const bool low = s.core.terms().missed_minimum(s.core.idle());
    if (!e.watchers.empty())
      end_watches(lock, s, e);
    if (low) [[unlikely]] {
      lock = {};
      if (s.signaller)
        s.signaller->try_send(error_code());
    }
    return &e;
  }

  // Gives up the lock.
  static void end_watches(std::unique_lock<mutex_type>& lock, state& s, entry_type& e) noexcept {
    work todo;
    s.watches.acquired(e.watchers, todo.watches);
    lock.unlock();
    send_watches(todo);
  }

  template <class OpBase>
  static void disconnect(OpBase& op) noexcept {
    if (op.link)
      std::exchange(op.link, nullptr)->op.store(nullptr, std::memory_order_release);
  }

  std::atomic<std::uint32_t> handles_{0};
};

} // namespace hotslot::detail
