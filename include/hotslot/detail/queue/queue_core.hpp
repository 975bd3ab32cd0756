// The state machine of a slot queue: who holds which slot, who waits, what happens next.
#pragma once

#include <hotslot/detail/queue/hand_off.hpp>
#include <hotslot/leak_detection.hpp>

#include <cassert>
#include <cstdint>
#include <optional>
#include <source_location>
#include <utility>

namespace hotslot::detail {

/// Decides; owns nothing, locks nothing, reads no clock. Its owner serializes the calls, closes the slots
/// that it hands out through `closed` lists, and sends off the waits that it hands out through `due` lists.
///
/// Invariants, at rest (between two calls):
///  - a slot is in one place: idle, granted, offered, leased, tended, closing or closed;
///  - there is never an idle slot and a waiter at once, but stale ones where as many are validated as wait,
///    and in a queue that is suspended;
///  - a queued slot ends at most one wait;
///  - idle slots are in the order of their ids, waiters in the order of their arrival;
///  - the state waiter counts those in line and the holders of tickets, runner the slots that are granted,
///    offered or leased.
///
/// Every call is O(1) in idle slots and waiters, but those that end all; a deadline (logarithmic, constant
/// for the latest one of all); a slot that comes back unused, which passes the slots queued since it left.
template <queue_hook Hook>
class basic_queue_core : public hand_off<Hook> {
  using steps = hand_off<Hook>;
  using ledger = queue_ledger<Hook>;
  using ledger::census_;
  using ledger::closed_;
  using ledger::idle_;
  using ledger::next_id_;
  using ledger::record_;
  using ledger::resource_waiters_;
  using ledger::suspended_;
  using ledger::terms_;
  using ledger::upkeep_;
  using steps::abandoned;
  using steps::close_idle;
  using steps::close_slot;
  using steps::end_lease;
  using steps::end_waiting;
  using steps::grant;
  using steps::granted_;
  using steps::has_fresh;
  using steps::last_wait_;
  using steps::lease_out;
  using steps::leases_;
  using steps::line_;
  using steps::notice_drained;
  using steps::notice_idle;
  using steps::offer_anew;
  using steps::offer_idle;
  using steps::overload_;
  using steps::refuse;
  using steps::resumed_at_;
  using steps::return_unused;
  using steps::revoke;
  using steps::send;
  using steps::serve_with_idle;
  using steps::settle;
  using steps::stop_waiting;
  using steps::take_from_waiter;
  using steps::tend;

 public:
  using actions = queue_actions;
  using ledger::is_idle;
  using ledger::live;
  using ledger::present;
  using ledger::spare;
  using ledger::under_way;
  using typename steps::slot_type;

  explicit basic_queue_core(const Hook& hook)
    : steps(hook) {}

  /// A new worker's slot; `origin` is what those that it serves first have waited for.
  void queue(slot_type& s, timestamp now, wait_cause origin, actions& out) noexcept {
    assert(s.place == slot_node::place_type::outside);
    census_.queued(s);
    record_.expect_runs();
    record_.number(s, next_id_);
    s.origin = origin;
    offer_anew(s, now, queue_event_kind::slot_queued, out, true); // it has just been made
  }

  /// The next idle slot, leased; null where there is none, or it has to be validated. The time is looked at
  /// only for that, and where leases are watched.
  slot_node* try_acquire(const std::source_location& where, timestamp now = timestamp()) noexcept {
    if (!has_fresh(now))
      return nullptr;
    slot_node& s = idle_.take_next();
    record_.enter(queue_state::runner);
    record_.served_at_once();
    lease_out(s, 0, now, where);
    return &s;
  }

  /// Why that has found none just now.
  errc why_none() const noexcept {
    if (closed_)
      return errc::queue_closed;
    if (suspended_)
      return errc::queue_suspended;
    return idle_.empty() ? errc::none_idle : errc::not_validated;
  }

  /// The same, offered.
  slot_node* try_offer(timestamp now = timestamp()) noexcept {
    return has_fresh(now) ? &offer_idle(idle_.take_next()) : nullptr;
  }

  /// An idle slot, offered.
  void offer(slot_node& s) noexcept {
    idle_.remove(s);
    offer_idle(s);
  }

  /// A leased slot comes back, used for `run`; `dirty` closes it.
  void release(slot_node& s, timestamp now, timestamp run, bool dirty, actions& out) noexcept {
    assert(s.place == slot_node::place_type::leased);
    end_lease(s);
    record_.leave(queue_state::runner);
    record_.ran(run);
    s.count_call();
    if (s.retired == eject_reason::none)
      s.retired = dirty ? eject_reason::dirty : terms_.end_after_call(s);
    if (upkeep_.resets() && s.retired == eject_reason::none && !closed_)
      return tend(s, slot_task::reset, out);
    offer_anew(s, now, queue_event_kind::slot_released, out);
  }

  /// A leased or offered slot comes back unused: its idle age stays.
  void put_back(slot_node& s, timestamp now, actions& out) noexcept {
    assert(s.place == slot_node::place_type::leased || s.place == slot_node::place_type::offered);
    if (s.place == slot_node::place_type::leased)
      end_lease(s);
    return_unused(s, now, out);
  }

  /// A leased slot leaves the queue in its caller's hands, who has it until `finish_detached`.
  void detach(slot_node& s, actions& out) noexcept {
    assert(s.place == slot_node::place_type::leased);
    end_lease(s);
    record_.leave(queue_state::runner);
    s.place = slot_node::place_type::closing;
    s.retired = eject_reason::detached;
    count_ejection(record_.totals, s.retired);
    census_.detached(s);
    record_.tell({.kind = queue_event_kind::slot_closed, .reason = s.retired}, s);
    out.signal = true; // there is room for another worker
    notice_drained(out);
  }
  void finish_detached(slot_node& s) noexcept { s.place = slot_node::place_type::closed; }

  /// A lease that has been out for too long, and was not told before.
  std::optional<leaked_lease> next_leak(timestamp now) noexcept {
    const lease_record* r = closed_ ? nullptr : leases_.find_leak(now);
    if (!r)
      return std::nullopt;
    ++record_.totals.leaked;
    record_.tell({.kind = queue_event_kind::lease_leaked, .offer = r->offer});
    return leaked_lease{r->offer, now - r->since, r->where};
  }

  /// Turns the offer `id` into a lease. False where it was lost.
  bool accept(slot_node& s, std::uint64_t id, timestamp now, const std::source_location& where) noexcept {
    if (s.place != slot_node::place_type::offered || s.id != id || closed_ || s.retired != eject_reason::none)
      return false;
    lease_out(s, 0, now, where);
    return true;
  }

  /// Closes the slot if it is still free under offer `id`. An acquired one is left alone.
  bool eject(slot_node& s, std::uint64_t id, eject_reason why, timestamp now, actions& out) noexcept {
    if (s.id != id)
      return false;
    if (s.place == slot_node::place_type::idle) {
      close_idle(s, why, out);
      return true;
    }
    if (s.place == slot_node::place_type::offered) {
      take_from_waiter(s, now, out);
      close_slot(s, why, out);
      return true;
    }
    return false;
  }

  /// Never offered again: closed now if free, when it comes back otherwise.
  void retire(slot_node& s, eject_reason why, timestamp now, actions& out) noexcept {
    if (s.has_left() || s.retired != eject_reason::none)
      return;
    s.retired = why;
    if (s.undelivered_to()) {
      take_from_waiter(s, now, out);
      close_slot(s, why, out);
    } else {
      eject(s, s.id, why, now, out);
    }
  }

  /// Closes an idle slot.
  void eject(slot_node& s, eject_reason why, actions& out) noexcept {
    assert(s.place == slot_node::place_type::idle);
    close_idle(s, why, out);
  }

  /// Slots that were handed out to be closed have been.
  void finish_closing(slot_list& slots, actions& out) noexcept {
    for (slot_node& s : slots) {
      s.place = slot_node::place_type::closed;
      census_.closed();
    }
    out.signal |= terms_.seen_closed();
    notice_drained(out);
  }

  // Waits

  /// Counts a caller as waiting that is not in the list of waits yet.
  void enter_waiting() noexcept { record_.enter(queue_state::waiter); }
  /// It goes without having waited.
  void leave_waiting(actions& out) noexcept {
    ++record_.totals.cancelled;
    record_.leave(queue_state::waiter);
    notice_drained(out);
  }

  /// The newest idle slot for a caller that is counted as waiting, and no longer is where this succeeds.
  slot_node* try_acquire_counted(const std::source_location& where, timestamp now = timestamp()) noexcept {
    slot_node* s = try_acquire(where, now);
    if (s)
      record_.leave(queue_state::waiter);
    return s;
  }

  /// Starts a wait for a slot, whose caller may be counted as waiting already. It may be granted or ended at
  /// once.
  void wait(wait_node& w, timestamp now, bool counted, actions& out) noexcept {
    if (!counted)
      enter_waiting();
    w.id = ++last_wait_;
    w.since = now;
    record_.tell({.kind = queue_event_kind::wait_begun, .wait = w.id});
    if (w.phase == wait_node::phase_type::ended) { // cancelled before it began
      ++record_.totals.cancelled;
      return refuse(w, w.result, out);
    }
    if (closed_)
      return refuse(w, errc::queue_closed, out);
    if (has_fresh(now))
      return grant(w, idle_.take_next(), now, out);
    if (terms_.refusal() && live() == 0 && !suspended_) {
      ++record_.totals.failed;
      return refuse(w, terms_.refusal(), out);
    }
    if (too_many_wait()) {
      ++record_.totals.shed;
      return refuse(w, errc::queue_full, out);
    }
    if (overload_.options().fail_fast && will_be_late(w, now)) {
      ++record_.totals.shed_late;
      return refuse(w, errc::deadline_unreachable, out);
    }
    line_.add(w);
    serve_with_idle(now, out);
  }

  /// Starts a wait for the queue to be closed and empty.
  void wait_drained(wait_node& w, timestamp now, actions& out) noexcept {
    if (w.phase == wait_node::phase_type::ended)
      return send(w, out);
    w.since = now;
    line_.add(w);
    notice_drained(out);
  }

  /// Starts a wait for so many slots to be idle.
  void wait_idle(wait_node& w, timestamp now, actions& out) noexcept {
    w.since = now;
    if (w.phase != wait_node::phase_type::ended && closed_) {
      w.phase = wait_node::phase_type::ended;
      w.result = errc::queue_closed;
    }
    if (w.phase == wait_node::phase_type::ended)
      return send(w, out);
    line_.add(w);
    notice_idle(out);
  }

  /// Ends a wait in whatever phase it is; a grant goes on to the next waiter or back to its place.
  void cancel(wait_node& w, error_code why, timestamp now, actions& out) noexcept {
    switch (w.phase) {
    case wait_node::phase_type::fresh:
      w.phase = wait_node::phase_type::ended;
      w.result = why;
      return;
    case wait_node::phase_type::waiting:
      record_.totals.cancelled += w.is_caller();
      return end_waiting(w, why, out);
    case wait_node::phase_type::granted:
      ++record_.totals.cancelled;
      return revoke(w, why, now, out);
    case wait_node::phase_type::ended:
      return;
    }
  }

  /// Ends all waits for a slot, but those that have been granted one.
  void cancel_waiters(error_code why, actions& out) noexcept {
    while (!line_.empty()) {
      ++record_.totals.cancelled;
      end_waiting(line_.oldest(), why, out);
    }
  }

  /// Ends up to `n` of the oldest waits with the error of a failed launch.
  void fail_waiters(error_code why, std::uint64_t n, actions& out) noexcept {
    for (; n != 0 && !line_.empty(); --n) {
      ++record_.totals.failed;
      end_waiting(line_.oldest(), why, out);
    }
  }

  /// Ends the waits for a slot of which `hopeless` says so, with that error.
  template <class Predicate>
  void fail_waiters_if(error_code why, Predicate&& hopeless, actions& out) noexcept {
    line_.visit_callers([&](wait_node& w) {
      if (!hopeless(w))
        return;
      ++record_.totals.failed;
      end_waiting(w, why, out);
    });
  }

  /// Ends the waits whose deadline has come. Whether there was one.
  bool expire(timestamp now, actions& out) noexcept {
    bool any = false;
    for (; line_.next_deadline() <= now; any = true) {
      wait_node& w = line_.most_urgent();
      if (w.is_caller()) {
        ++record_.totals.timed_out;
        record_.unserved(this->cause_of_unserved(), now - w.since);
      }
      end_waiting(w, errc::deadline_exceeded, out);
    }
    return any;
  }

  /// The completion of `w` runs. False where it lost its offered slot on the way and waits again.
  bool deliver(wait_node& w) noexcept {
    w.posted = false;
    if (w.phase == wait_node::phase_type::waiting)
      return false;
    if (w.phase == wait_node::phase_type::granted) {
      granted_.erase(granted_.iterator_to(w));
      w.slot->waiter = nullptr;
      record_.delivered(w);
      if (w.kind == wait_node::kind_type::acquire)
        lease_out(*w.slot, w.id, w.granted_at, w.where);
      else
        record_.tell(queue_event_kind::slot_offered, *w.slot, w.id);
      w.phase = wait_node::phase_type::ended;
    }
    return true;
  }

  /// `w` is destroyed without having completed.
  void abandon(wait_node& w, timestamp now, actions& out) noexcept {
    if (w.phase == wait_node::phase_type::waiting) {
      line_.remove(w);
      if (w.is_caller())
        stop_waiting(w, abandoned);
    } else if (w.phase == wait_node::phase_type::granted) {
      revoke(w, abandoned, now, out);
    }
    w.phase = wait_node::phase_type::ended;
  }

  // Suspension

  /// From now on nobody gets a slot.
  void suspend(actions& out) noexcept {
    if (std::exchange(suspended_, true))
      return;
    record_.tell({.kind = queue_event_kind::queue_suspended});
    out.signal = true;
  }

  /// Those who wait get the slots that are idle, and everything goes on.
  void resume(timestamp now, actions& out) noexcept {
    if (!std::exchange(suspended_, false))
      return;
    resumed_at_ = now;
    record_.tell({.kind = queue_event_kind::queue_resumed});
    out.signal = true;
    serve_with_idle(now, out);
  }

  // Upkeep

  void set_upkeep(const upkeep_terms& t) noexcept { upkeep_.set(t); }

  /// Sees to it that a slot is being validated, where there is only such as has to be.
  void validate_next(actions& out) noexcept {
    if (!idle_.empty() && !suspended_ && upkeep_.count(slot_task::validate) == 0)
      tend(idle_.take_next(), slot_task::validate, out);
  }

  /// An idle slot is to be pinged.
  void ping(slot_node& s, actions& out) noexcept {
    assert(s.place == slot_node::place_type::idle);
    idle_.remove(s);
    tend(s, slot_task::keepalive, out);
  }

  /// A slot has been looked after. One that is not fit is closed. A ping leaves its offer and idle age as
  /// they were; otherwise it is offered anew.
  void finish(slot_node& s, slot_task what, bool fit, timestamp now, actions& out) noexcept {
    upkeep_.end(what);
    out.signal |= what == slot_task::keepalive; // for the next one
    finish_late(s, what, fit, now, out);
    serve_with_idle(now, out);
  }

  /// That takes too long: it is closed in the end, and not waited for.
  void give_up(slot_node& s, slot_task what, timestamp now, actions& out) noexcept {
    upkeep_.end(what);
    out.signal = true; // those who wait for it may need another worker
    if (s.retired == eject_reason::none)
      s.retired = eject_reason::unfit;
    serve_with_idle(now, out);
  }

  /// One that was given up, or that is counted no longer.
  void finish_late(slot_node& s, slot_task what, bool fit, timestamp now, actions& out) noexcept {
    assert(s.place == slot_node::place_type::tended);
    if (!fit && s.retired == eject_reason::none)
      s.retired = eject_reason::unfit;
    record_.tell({.kind = queue_event_kind::slot_looked_after, .task = what}, s);
    if (what == slot_task::keepalive)
      settle(s, now, out);
    else
      offer_anew(s, now, queue_event_kind::slot_released, out, what == slot_task::validate);
  }

  /// A start has its resources, and goes on, or does without them.
  void reserved(bool go, actions& out) noexcept {
    assert(resource_waiters_ != 0);
    --resource_waiters_;
    if (go)
      this->enter_starting(1);
    else
      notice_drained(out);
  }
  void launch_ended(error_code why, bool failed, actions& out) noexcept {
    record_.totals.launch_failed += failed;
    record_.leave(queue_state::starter);
    record_.tell({.kind = queue_event_kind::start_ended, .error = why});
    notice_drained(out);
  }

  void close(actions& out) noexcept {
    if (std::exchange(closed_, true))
      return;
    record_.tell({.kind = queue_event_kind::queue_closed});
    while (!line_.empty())
      end_waiting(line_.oldest(), errc::queue_closed, out);
    while (!granted_.empty())
      revoke(granted_.front(), errc::queue_closed, timestamp(), out); // to nobody else
    while (!idle_.empty())
      close_idle(idle_.oldest(), eject_reason::closed, out);
    while (line_.has_idle_waits())
      end_waiting(line_.idle_wait(), errc::queue_closed, out);
    notice_drained(out);
  }

  const waiting_line& line() const noexcept { return line_; }
  overload_control& overload() noexcept { return overload_; }

  /// In how long a caller would be served that came now; none where that cannot be said.
  std::optional<timestamp> forecast_wait() const noexcept {
    if (suspended_)
      return std::nullopt;
    if (!idle_.empty())
      return timestamp();
    return forecast(line_.size(), record_.latency(queue_state::runner), record_.latency(queue_state::starter),
                    live(), record_.count(queue_state::starter));
  }

  /// Changes it; a queue may have drained by that.
  template <class Change>
  void recount(actions& out, Change&& change) noexcept {
    change(census_);
    notice_drained(out);
  }

  timestamp next_deadline() const noexcept { return line_.next_deadline(); }

  /// Whether there is no slot and no wait.
  bool empty() const noexcept {
    return idle_.empty() && line_.empty() && !line_.has_drainers() && !line_.has_idle_waits() &&
           granted_.empty() && present() == 0;
  }

  /// Ends every wait in the queue; those handed out are to be destroyed.
  void forget_waits(actions& out) noexcept {
    while (!line_.empty())
      end_waiting(line_.oldest(), abandoned, out);
    while (line_.has_drainers())
      end_waiting(line_.drainer(), abandoned, out);
    while (line_.has_idle_waits())
      end_waiting(line_.idle_wait(), abandoned, out);
  }

 private:
  // Who will have one that is looked after, or is or may be started for him, does not wait too much.
  bool too_many_wait() const noexcept {
    const std::uint64_t most = overload_.options().max_waiting, n = line_.size();
    const std::uint64_t startable = terms_.startable(present() + under_way(), resource_waiters_);
    if (suspended_) // nobody gets one soon
      return n >= most;
    return n >= most && n - most >= startable && n - most - startable >= under_way() + spare();
  }

  bool will_be_late(const wait_node& w, timestamp now) const noexcept {
    if (w.deadline == wait_node::no_deadline)
      return false;
    const auto wait = forecast_wait();
    return wait && later(now, *wait) > w.deadline;
  }
};

} // namespace hotslot::detail
