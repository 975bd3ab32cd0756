// The state machine of a slot queue: who holds which slot, who waits, what happens next.
#ifndef HOTSLOT_CORE_QUEUE_CORE_HPP
#define HOTSLOT_CORE_QUEUE_CORE_HPP

#include <hotslot/core/errc.hpp>
#include <hotslot/core/latency_recorder.hpp>
#include <hotslot/core/queue_event.hpp>
#include <hotslot/core/queue_nodes.hpp>
#include <hotslot/core/slot_stats.hpp>
#include <hotslot/core/snapshot.hpp>

#include <cassert>
#include <cstdint>
#include <iterator>
#include <limits>
#include <type_traits>
#include <utility>

namespace hotslot::detail {

/// Decides; owns nothing, locks nothing, reads no clock. Its owner serializes the calls, closes the slots
/// that it hands out through `closed` lists, and sends off the waits that it hands out through `due` lists.
///
/// Invariants, at rest (between two calls):
///  - a slot is in one place: idle, granted, offered, leased or closed;
///  - there is never an idle slot and a waiter at once;
///  - a queued slot ends at most one wait;
///  - idle slots are in the order of their ids, waiters in the order of their arrival;
///  - waiters + granted + leased are what the states waiter and runner count.
///
/// Every call is O(1) in idle slots and waiters, but: those that end all waits or close all slots; a deadline
/// (logarithmic, constant for the latest one of all); a slot that comes back unused passes the slots queued
/// since it left.
template <queue_hook Hook>
class basic_queue_core {
 public:
  /// Something that the owner has to do after its lock is released.
  struct actions {
    due_list due;         ///< Waits to send off.
    slot_list closed;     ///< Slots to close.
    bool resumed = false; ///< A wait goes on whose deadline was forgotten.
  };

  explicit basic_queue_core(const Hook& hook)
    : hook_(hook) {}
  basic_queue_core(const basic_queue_core&) = delete;
  basic_queue_core& operator=(const basic_queue_core&) = delete;

  /// Where latencies go from now on.
  void record_into(queue_histograms* h) noexcept { latencies_.record_into(h); }

  /// A new worker's slot; `origin` is what those that it serves first have waited for.
  void queue(slot_node& s, timestamp now, wait_cause origin, actions& out) noexcept {
    assert(s.place == slot_node::place_type::outside);
    ++live_;
    s.worker = next_id_;
    s.origin = origin;
    free_again(s, now, queue_event_kind::slot_queued, out);
  }

  /// The newest idle slot, leased; null where there is none.
  slot_node* try_acquire() noexcept {
    if (idle_.empty())
      return nullptr;
    slot_node& s = take_newest_idle();
    lease(s);
    stats_.record_latency(queue_state::waiter, {});
    latencies_.count_immediate();
    return &s;
  }

  /// The newest idle slot, offered; null where there is none.
  slot_node* try_offer() noexcept {
    if (idle_.empty())
      return nullptr;
    slot_node& s = take_newest_idle();
    stats_.enter(queue_state::runner);
    s.place = slot_node::place_type::offered;
    tell(queue_event_kind::slot_offered, s);
    return &s;
  }

  /// A leased slot comes back, used for `run`; `dirty` closes it.
  void release(slot_node& s, timestamp now, timestamp run, bool dirty, actions& out) noexcept {
    assert(s.place == slot_node::place_type::leased);
    leave_busy();
    stats_.record_latency(queue_state::runner, run);
    latencies_.record_run(run);
    if (dirty && s.retired == eject_reason::none)
      s.retired = eject_reason::dirty;
    free_again(s, now, queue_event_kind::slot_released, out);
  }

  /// A leased or offered slot comes back unused: its idle age stays.
  void put_back(slot_node& s, actions& out) noexcept {
    assert(s.place == slot_node::place_type::leased || s.place == slot_node::place_type::offered);
    return_unused(s, out);
  }

  /// Turns the offer `id` into a lease. False where it was lost.
  bool accept(slot_node& s, std::uint64_t id) noexcept {
    if (s.place != slot_node::place_type::offered || s.id != id || closed_ || s.retired != eject_reason::none)
      return false;
    lease_from_busy(s, 0);
    return true;
  }

  /// Closes the slot if it is still free under offer `id`. An acquired one is left alone.
  bool eject(slot_node& s, std::uint64_t id, eject_reason why, actions& out) noexcept {
    if (s.id != id)
      return false;
    if (s.place == slot_node::place_type::idle) {
      idle_.erase(idle_.iterator_to(s));
      --idle_count_;
      close_slot(s, why, out);
      return true;
    }
    if (s.place == slot_node::place_type::offered) {
      take_from_waiter(s, out);
      close_slot(s, why, out);
      return true;
    }
    return false;
  }

  /// Never offered again: closed now if free, when it comes back otherwise.
  void retire(slot_node& s, eject_reason why, actions& out) noexcept {
    if (s.place == slot_node::place_type::closed || s.retired != eject_reason::none)
      return;
    s.retired = why;
    if (s.waiter) {
      take_from_waiter(s, out);
      close_slot(s, why, out);
    } else {
      eject(s, s.id, why, out);
    }
  }

  /// Closes idle slots, oldest first, that have been idle since `cutoff` or longer, as long as more than
  /// `keep` are live.
  void eject_idle(timestamp cutoff, std::uint64_t keep, actions& out) noexcept {
    while (!idle_.empty() && idle_.front().idle_since <= cutoff && live_ > keep)
      eject(idle_.front(), idle_.front().id, eject_reason::idle, out);
  }

  // Waits

  /// Counts a caller as waiting that is not in the list of waits yet.
  void enter_waiting() noexcept { stats_.enter(queue_state::waiter); }
  void leave_waiting(actions& out) noexcept {
    leave_waiting();
    notice_drained(out);
  }

  /// The newest idle slot for a caller that is counted as waiting, and no longer is where this succeeds.
  slot_node* try_acquire_counted() noexcept {
    slot_node* s = try_acquire();
    if (s)
      leave_waiting();
    return s;
  }

  /// Starts a wait for a slot, whose caller may be counted as waiting already. It may be granted or ended at
  /// once.
  void wait(wait_node& w, timestamp now, bool counted, actions& out) noexcept {
    if (!counted)
      enter_waiting();
    w.id = ++last_wait_;
    w.since = now;
    tell({.kind = queue_event_kind::wait_begun, .wait = w.id});
    if (w.phase == wait_node::phase_type::ended) { // cancelled before it began
      ++totals_.cancelled;
      return refuse(w, w.result, out);
    }
    if (closed_)
      return refuse(w, errc::queue_closed, out);
    if (!idle_.empty())
      return grant(w, take_newest_idle(), out);
    if (waiting_ >= max_waiters_) {
      ++totals_.shed;
      return refuse(w, errc::queue_full, out);
    }
    enqueue_last(w);
  }

  /// Starts a wait for the queue to be closed and empty.
  void wait_drained(wait_node& w, timestamp now, actions& out) noexcept {
    if (w.phase == wait_node::phase_type::ended)
      return send(w, out);
    w.since = now;
    w.phase = wait_node::phase_type::waiting;
    drainers_.push_back(w);
    link_deadline(w);
    notice_drained(out);
  }

  /// Ends a wait in whatever phase it is; a grant goes on to the next waiter or back to its place.
  void cancel(wait_node& w, error_code why, actions& out) noexcept {
    switch (w.phase) {
    case wait_node::phase_type::fresh:
      w.phase = wait_node::phase_type::ended;
      w.result = why;
      return;
    case wait_node::phase_type::waiting:
      totals_.cancelled += w.kind != wait_node::kind_type::drain;
      return end_waiting(w, why, out);
    case wait_node::phase_type::granted:
      ++totals_.cancelled;
      return revoke(w, why, out);
    case wait_node::phase_type::ended:
      return;
    }
  }

  /// Ends all waits for a slot, but those that have been granted one.
  void cancel_waiters(error_code why, actions& out) noexcept {
    while (!waiters_.empty()) {
      ++totals_.cancelled;
      end_waiting(waiters_.front(), why, out);
    }
  }

  /// Ends up to `n` of the oldest waits with the error of a failed launch.
  void fail_waiters(error_code why, std::uint64_t n, actions& out) noexcept {
    for (; n != 0 && !waiters_.empty(); --n) {
      ++totals_.failed;
      end_waiting(waiters_.front(), why, out);
    }
  }

  /// Ends the waits whose deadline has come.
  void expire(timestamp now, actions& out) noexcept {
    while (!deadlines_.empty() && deadlines_.begin()->deadline <= now) {
      wait_node& w = *deadlines_.begin();
      if (w.kind != wait_node::kind_type::drain) {
        ++totals_.timed_out;
        latencies_.record_wait(cause_of_unserved(), now - w.since);
      }
      end_waiting(w, errc::deadline_exceeded, out);
    }
  }

  /// The completion of `w` runs. False where it lost its offered slot on the way and waits again.
  bool deliver(wait_node& w, timestamp now) noexcept {
    w.posted = false;
    if (w.phase == wait_node::phase_type::waiting)
      return false;
    if (w.phase == wait_node::phase_type::granted) {
      granted_.erase(granted_.iterator_to(w));
      w.slot->waiter = nullptr;
      record_served(w, now - w.since);
      if (w.kind == wait_node::kind_type::acquire)
        lease_from_busy(*w.slot, w.id);
      else
        tell(queue_event_kind::slot_offered, *w.slot, w.id);
      w.phase = wait_node::phase_type::ended;
    }
    return true;
  }

  /// `w` is destroyed without having completed.
  void abandon(wait_node& w, actions& out) noexcept {
    if (w.phase == wait_node::phase_type::waiting) {
      unlink_waiting(w);
      if (w.kind != wait_node::kind_type::drain)
        stop_waiting(w, abandoned);
    } else if (w.phase == wait_node::phase_type::granted) {
      revoke(w, abandoned, out);
    }
    w.phase = wait_node::phase_type::ended;
  }

  // Workers being started

  void enter_starting(std::uint64_t n) noexcept {
    for (; n != 0; --n) {
      stats_.enter(queue_state::starter);
      tell({.kind = queue_event_kind::start_begun});
    }
  }
  void enter_reserving(std::uint64_t n) noexcept { resource_waiters_ += n; }

  /// A start has its resources, and goes on, or does without them.
  void reserved(bool go, actions& out) noexcept {
    assert(resource_waiters_ != 0);
    --resource_waiters_;
    if (go)
      enter_starting(1);
    else
      notice_drained(out);
  }
  void launched(timestamp took) noexcept {
    ++totals_.launched;
    leave(queue_state::starter);
    stats_.record_latency(queue_state::starter, took);
    latencies_.record_start(took);
    tell({.kind = queue_event_kind::start_ended});
  }
  void launch_ended(error_code why, bool failed, actions& out) noexcept {
    totals_.launch_failed += failed;
    leave(queue_state::starter);
    tell({.kind = queue_event_kind::start_ended, .error = why});
    notice_drained(out);
  }

  /// Tells the callers: the longest waiting one, or all where no other worker is there or on its way.
  void launch_failed(error_code why, actions& out) noexcept {
    const bool others = live_ != 0 || stats_.count(queue_state::starter) != 0 || resource_waiters_ != 0;
    fail_waiters(why, others ? 1 : waiting_, out);
  }

  void close(actions& out) noexcept {
    if (std::exchange(closed_, true))
      return;
    tell({.kind = queue_event_kind::queue_closed});
    while (!waiters_.empty())
      end_waiting(waiters_.front(), errc::queue_closed, out);
    while (!granted_.empty())
      revoke(granted_.front(), errc::queue_closed, out);
    while (!idle_.empty())
      eject(idle_.front(), idle_.front().id, eject_reason::closed, out);
    notice_drained(out);
  }

  void limit_waiters(std::uint64_t n) noexcept { max_waiters_ = n; }

  bool closed() const noexcept { return closed_; }
  bool has_idle() const noexcept { return !idle_.empty(); }
  std::uint64_t live() const noexcept { return live_; }
  bool is_idle() const noexcept { return stats_.is_idle() && resource_waiters_ == 0; }

  timestamp next_deadline() const noexcept {
    return deadlines_.empty() ? wait_node::no_deadline : deadlines_.begin()->deadline;
  }
  /// When the oldest idle slot became idle; the epoch's end where there is none.
  timestamp oldest_idle() const noexcept {
    return idle_.empty() ? timestamp::max() : idle_.front().idle_since;
  }

  queue_snapshot snapshot() const noexcept {
    queue_snapshot s;
    stats_.write_to(s);
    s.idle = idle_count_;
    s.busy = stats_.count(queue_state::runner);
    s.resource_waiters = resource_waiters_;
    s.totals = totals_;
    return s;
  }

  /// Whether there is nothing that refers to anything of anyone's.
  bool empty() const noexcept {
    return idle_.empty() && waiters_.empty() && granted_.empty() && drainers_.empty() && live_ == 0;
  }

  /// Hands out every wait in the queue, to be destroyed.
  void forget_waits(due_list& out) noexcept {
    for (wait_list* waits : {&waiters_, &drainers_})
      while (!waits->empty()) {
        wait_node& w = waits->front();
        unlink_waiting(w);
        if (w.kind != wait_node::kind_type::drain)
          stop_waiting(w, abandoned);
        w.phase = wait_node::phase_type::ended;
        if (!w.posted)
          out.push_back(w);
      }
  }

 private:
  /// What hooks are told of waits that are destroyed with their execution context.
  static inline const error_code abandoned = make_error_code(boost::system::errc::operation_canceled);

  void leave(queue_state s) noexcept {
    [[maybe_unused]] const bool was_in = stats_.exit(s);
    assert(was_in);
  }
  void leave_waiting() noexcept { leave(queue_state::waiter); }
  void leave_busy() noexcept { leave(queue_state::runner); }

  slot_node& take_newest_idle() noexcept {
    slot_node& s = idle_.back();
    idle_.pop_back();
    --idle_count_;
    return s;
  }

  void lease(slot_node& s) noexcept {
    stats_.enter(queue_state::runner);
    lease_from_busy(s, 0);
  }
  void lease_from_busy(slot_node& s, std::uint64_t wait) noexcept {
    s.place = slot_node::place_type::leased;
    s.acquired = true;
    ++totals_.acquired;
    tell(queue_event_kind::slot_acquired, s, wait);
  }

  void free_again(slot_node& s, timestamp now, queue_event_kind why, actions& out) noexcept {
    s.id = next_id_++;
    s.idle_since = now;
    s.acquired = false;
    tell(why, s);
    settle(s, out);
  }

  void return_unused(slot_node& s, actions& out) noexcept {
    leave_busy();
    tell(queue_event_kind::slot_put_back, s);
    settle(s, out);
  }

  // A free slot goes to the next waiter, or to its place among the idle ones.
  void settle(slot_node& s, actions& out) noexcept {
    if (s.retired != eject_reason::none)
      return close_slot(s, s.retired, out);
    if (closed_)
      return close_slot(s, eject_reason::closed, out);
    if (!waiters_.empty()) {
      wait_node& w = waiters_.front();
      unlink_waiting(w);
      return grant(w, s, out);
    }
    s.place = slot_node::place_type::idle;
    s.origin = wait_cause::call;
    auto after = idle_.end();
    while (after != idle_.begin() && std::prev(after)->id > s.id)
      --after;
    idle_.insert(after, s);
    ++idle_count_;
    tell(queue_event_kind::slot_idle, s);
  }

  void grant(wait_node& w, slot_node& s, actions& out) noexcept {
    stats_.enter(queue_state::runner);
    leave_waiting();
    s.place = w.kind == wait_node::kind_type::offer ? slot_node::place_type::offered
                                                    : slot_node::place_type::granted;
    s.waiter = &w;
    w.slot = &s;
    w.phase = wait_node::phase_type::granted;
    granted_.push_back(w);
    tell(queue_event_kind::slot_granted, s, w.id);
    if (!w.posted)
      send(w, out);
  }

  void send(wait_node& w, actions& out) noexcept {
    assert(!w.posted);
    w.posted = true;
    out.due.push_back(w);
  }

  void refuse(wait_node& w, error_code why, actions& out) noexcept {
    stop_waiting(w, why);
    w.phase = wait_node::phase_type::ended;
    w.result = why;
    send(w, out);
    notice_drained(out); // its caller may have been the last that was counted as waiting
  }

  void enqueue_last(wait_node& w) noexcept {
    w.phase = wait_node::phase_type::waiting;
    waiters_.push_back(w);
    ++waiting_;
    w.waited = true;
    link_deadline(w);
  }

  void link_deadline(wait_node& w) noexcept {
    if (w.deadline != wait_node::no_deadline)
      deadlines_.insert(deadlines_.end(), w);
  }

  void unlink_waiting(wait_node& w) noexcept {
    if (w.deadline != wait_node::no_deadline)
      deadlines_.erase(deadlines_.iterator_to(w));
    if (w.kind == wait_node::kind_type::drain) {
      drainers_.erase(drainers_.iterator_to(w));
    } else {
      waiters_.erase(waiters_.iterator_to(w));
      --waiting_;
    }
  }

  void end_waiting(wait_node& w, error_code why, actions& out) noexcept {
    unlink_waiting(w);
    if (w.kind != wait_node::kind_type::drain)
      stop_waiting(w, why);
    w.phase = wait_node::phase_type::ended;
    w.result = why;
    if (!w.posted)
      send(w, out);
  }

  void stop_waiting(const wait_node& w, const error_code& why) noexcept {
    leave_waiting();
    tell({.kind = queue_event_kind::wait_ended, .wait = w.id, .error = why});
  }

  // Takes a granted slot back from a wait that does not get to use it.
  void revoke(wait_node& w, error_code why, actions& out) noexcept {
    granted_.erase(granted_.iterator_to(w));
    slot_node& s = *w.slot;
    s.waiter = nullptr;
    w.slot = nullptr;
    w.phase = wait_node::phase_type::ended;
    w.result = why;
    tell({.kind = queue_event_kind::wait_ended, .wait = w.id, .error = why});
    return_unused(s, out);
  }

  // A granted or offered slot goes away. Where it had not been delivered, its waiter gets another or waits
  // again.
  void take_from_waiter(slot_node& s, actions& out) noexcept {
    leave_busy();
    wait_node* w = std::exchange(s.waiter, nullptr);
    if (!w)
      return;
    granted_.erase(granted_.iterator_to(*w));
    w->slot = nullptr;
    enter_waiting();
    tell({.kind = queue_event_kind::wait_resumed, .wait = w->id});
    if (!idle_.empty())
      return grant(*w, take_newest_idle(), out);
    w->phase = wait_node::phase_type::waiting;
    auto younger = waiters_.begin();
    while (younger != waiters_.end() && younger->id < w->id) // others that resumed
      ++younger;
    waiters_.insert(younger, *w);
    ++waiting_;
    w->waited = true;
    link_deadline(*w);
    out.resumed = true;
  }

  void close_slot(slot_node& s, eject_reason why, actions& out) noexcept {
    s.place = slot_node::place_type::closed;
    s.retired = why;
    count_ejection(totals_, why);
    --live_;
    tell({.kind = queue_event_kind::slot_closed, .reason = why, .worker = s.worker, .offer = s.id});
    out.closed.push_back(s);
    notice_drained(out);
  }

  /// What those wait for that do not get a slot. Where there is no worker, there is no call that could end.
  wait_cause cause_of_unserved() const noexcept {
    if (resource_waiters_ != 0)
      return wait_cause::resources;
    return stats_.count(queue_state::starter) != 0 || live_ == 0 ? wait_cause::start : wait_cause::call;
  }

  void record_served(const wait_node& w, timestamp waited) noexcept {
    stats_.record_latency(queue_state::waiter, waited);
    const wait_cause cause = std::exchange(w.slot->origin, wait_cause::call);
    if (w.waited)
      latencies_.record_wait(cause, waited);
    else if (w.kind == wait_node::kind_type::acquire)
      latencies_.count_immediate();
  }

  void tell(const queue_event& e) noexcept {
    if constexpr (!std::is_same_v<Hook, no_hook>)
      hook_(e);
  }
  void tell(queue_event_kind kind, const slot_node& s, std::uint64_t wait = 0) noexcept {
    tell({.kind = kind, .worker = s.worker, .offer = s.id, .wait = wait});
  }

  bool drained() const noexcept {
    return closed_ && live_ == 0 && stats_.is_idle() && resource_waiters_ == 0;
  }

  void notice_drained(actions& out) noexcept {
    while (!drainers_.empty() && drained())
      end_waiting(drainers_.front(), {}, out);
  }

  slot_list idle_;    // oldest first
  wait_list waiters_; // oldest first
  wait_list granted_; // granted and not yet delivered
  wait_list drainers_;
  deadline_set deadlines_;
  slot_stats stats_;
  queue_totals totals_;
  latency_recorder latencies_;
  [[no_unique_address]] Hook hook_;
  std::uint64_t idle_count_ = 0;
  std::uint64_t waiting_ = 0;
  std::uint64_t live_ = 0;
  std::uint64_t resource_waiters_ = 0;
  std::uint64_t next_id_ = 0;
  std::uint64_t last_wait_ = 0;
  std::uint64_t max_waiters_ = std::numeric_limits<std::uint64_t>::max();
  bool closed_ = false;
};

} // namespace hotslot::detail

#endif
