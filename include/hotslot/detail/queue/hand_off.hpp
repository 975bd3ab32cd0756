// How slots and waits meet and part.
#pragma once

#include <hotslot/detail/queue/leased_slots.hpp>
#include <hotslot/detail/queue/overload_control.hpp>
#include <hotslot/detail/queue/queue_ledger.hpp>
#include <hotslot/detail/queue/waiting_line.hpp>
#include <hotslot/errc.hpp>

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <optional>
#include <source_location>
#include <utility>

namespace hotslot::detail {

/// The steps that the operations of a queue are made of.
template <queue_hook Hook>
class hand_off : public queue_ledger<Hook> {
  using ledger = queue_ledger<Hook>;

 public:
  using slot_type = typename queue_recorder<Hook>::slot_type;

  /// Leases that last for longer than `most` have leaked. Precondition: there is no slot.
  void watch_leases(timestamp most) noexcept {
    leases_.watch(most);
    watches_leases_ = true;
  }
  leased_slots& leases() noexcept { return leases_; }
  const leased_slots& leases() const noexcept { return leases_; }

 protected:
  using ledger::census_;
  using ledger::closed_;
  using ledger::idle_;
  using ledger::next_id_;
  using ledger::record_;
  using ledger::suspended_;
  using ledger::terms_;
  using ledger::upkeep_;
  using ledger::watches_leases_;

  explicit hand_off(const Hook& hook)
    : ledger(hook) {}
  ~hand_off() = default;

  /// What hooks are told of waits that are destroyed with their execution context.
  static inline const error_code abandoned = make_error_code(boost::system::errc::operation_canceled);

  void hold_out(slot_node& s, slot_node::place_type place, wait_node* w) noexcept {
    s.place = place;
    s.waiter = w;
  }

  void lease_out(slot_node& s, std::uint64_t wait, timestamp now,
                 const std::source_location& where) noexcept {
    s.place = slot_node::place_type::leased;
    if (watches_leases_) [[unlikely]]
      leases_.begin(s, now, where);
    s.acquired = true;
    ++record_.totals.acquired;
    record_.tell(queue_event_kind::slot_acquired, s, wait);
  }

  slot_node& offer_idle(slot_node& s) noexcept {
    record_.enter(queue_state::runner);
    hold_out(s, slot_node::place_type::offered, nullptr);
    record_.tell(queue_event_kind::slot_offered, s);
    return s;
  }

  void offer_anew(slot_node& s, timestamp now, queue_event_kind why, queue_actions& out,
                  bool fit = false) noexcept {
    s.id = next_id_++;
    s.idle_since = now;
    s.acquired = false;
    record_.tell(why, s);
    settle(s, now, out, fit);
  }

  void return_unused(slot_node& s, timestamp now, queue_actions& out) noexcept {
    record_.leave(queue_state::runner);
    s.acquired = false;
    record_.tell(queue_event_kind::slot_put_back, s);
    settle(s, now, out);
  }

  bool has_fresh(timestamp now) noexcept {
    if (idle_.empty() || suspended_)
      return false;
    if (!upkeep_.validates()) [[likely]]
      return true;
    // Who waits for a validation is not overtaken.
    return line_.empty() && !upkeep_.is_stale(idle_.next(), now);
  }

  void tend(slot_node& s, slot_task what, queue_actions& out) noexcept {
    s.place = slot_node::place_type::tended;
    upkeep_.begin(what);
    record_.tell({.kind = queue_event_kind::slot_tended, .task = what}, s);
    out.tend(s, what);
  }

  // Those who wait get what is idle, or, where that has to be validated, as many are as wait.
  void serve_with_idle(timestamp now, queue_actions& out) noexcept {
    while (!idle_.empty() && !suspended_ && line_.size() > upkeep_.count(slot_task::validate)) {
      slot_node& s = idle_.take_next();
      if (upkeep_.is_stale(s, now))
        tend(s, slot_task::validate, out);
      else if (!serve_with(s, now, out))
        idle_.add(s);
    }
  }

  // A free slot goes to the next waiter, or to its place among the idle ones.
  // `fit`: it has just been validated, or made.
  void settle(slot_node& s, timestamp now, queue_actions& out, bool fit = false) noexcept {
    if (s.retired != eject_reason::none)
      return close_slot(s, s.retired, out);
    if (closed_)
      return close_slot(s, eject_reason::closed, out);
    if (!line_.empty() && !suspended_) {
      if (!fit && upkeep_.is_stale(s, now))
        return tend(s, slot_task::validate, out);
      if (serve_with(s, now, out))
        return;
    }
    if (line_.empty())
      overload_.nobody_waits(now);
    s.origin = wait_cause::call;
    idle_.add(s);
    out.signal |= terms_.seen_idle(idle_.size());
    record_.tell(queue_event_kind::slot_idle, s);
    if (line_.has_idle_waits()) [[unlikely]]
      notice_idle(out);
  }

  // False where nobody is left who waits.
  bool serve_with(slot_node& s, timestamp now, queue_actions& out) noexcept {
    while (!line_.empty()) {
      wait_node& w = overload_.takes_newest() ? line_.newest() : line_.oldest();
      // That the queue was suspended does not overload it.
      if (overload_.sheds(now, now - std::max(w.since, resumed_at_), s.origin != wait_cause::call)) {
        ++record_.totals.shed_overloaded;
        end_waiting(w, errc::overloaded, out);
        continue;
      }
      line_.remove(w);
      grant(w, s, now, out);
      return true;
    }
    return false;
  }

  void grant(wait_node& w, slot_node& s, timestamp now, queue_actions& out) noexcept {
    record_.enter(queue_state::runner);
    record_.leave(queue_state::waiter);
    const bool offered = w.kind == wait_node::kind_type::offer;
    hold_out(s, offered ? slot_node::place_type::offered : slot_node::place_type::granted, &w);
    w.slot = &s;
    w.granted_at = std::max(now, w.since); // the time was read before the lock was there
    w.phase = wait_node::phase_type::granted;
    granted_.push_back(w);
    record_.tell(queue_event_kind::slot_granted, s, w.id);
    if (!w.posted)
      send(w, out);
  }

  void end_lease(slot_node& s) noexcept {
    if (watches_leases_) [[unlikely]]
      leases_.end(s);
  }

  void send(wait_node& w, queue_actions& out) noexcept {
    assert(!w.posted);
    w.posted = true;
    out.due.push_back(w);
  }

  void refuse(wait_node& w, error_code why, queue_actions& out) noexcept {
    stop_waiting(w, why);
    w.phase = wait_node::phase_type::ended;
    w.result = why;
    send(w, out);
    notice_drained(out); // its caller may have been the last that was counted as waiting
  }

  void end_waiting(wait_node& w, error_code why, queue_actions& out) noexcept {
    line_.remove(w);
    if (w.is_caller())
      stop_waiting(w, why);
    w.phase = wait_node::phase_type::ended;
    w.result = why;
    if (!w.posted)
      send(w, out);
  }

  void stop_waiting(const wait_node& w, const error_code& why) noexcept {
    record_.leave(queue_state::waiter);
    record_.tell({.kind = queue_event_kind::wait_ended, .wait = w.id, .error = why});
  }

  // Takes a granted slot back from a wait that does not get to use it.
  void revoke(wait_node& w, error_code why, timestamp now, queue_actions& out) noexcept {
    granted_.erase(granted_.iterator_to(w));
    slot_node& s = *w.slot;
    s.waiter = nullptr;
    w.slot = nullptr;
    w.phase = wait_node::phase_type::ended;
    w.result = why;
    record_.tell({.kind = queue_event_kind::wait_ended, .wait = w.id, .error = why});
    return_unused(s, now, out);
  }

  // A granted or offered slot goes away. Where it had not been delivered, its waiter gets another or waits
  // again.
  void take_from_waiter(slot_node& s, timestamp now, queue_actions& out) noexcept {
    record_.leave(queue_state::runner);
    wait_node* w = std::exchange(s.waiter, nullptr);
    if (!w)
      return;
    granted_.erase(granted_.iterator_to(*w));
    w->slot = nullptr;
    record_.enter(queue_state::waiter);
    record_.tell({.kind = queue_event_kind::wait_resumed, .wait = w->id});
    if (has_fresh(now))
      return grant(*w, idle_.take_next(), now, out);
    line_.resume(*w);
    serve_with_idle(now, out);
    out.resumed = true;
  }

  void close_idle(slot_node& s, eject_reason why, queue_actions& out) noexcept {
    idle_.remove(s);
    close_slot(s, why, out);
  }

  void close_slot(slot_node& s, eject_reason why, queue_actions& out) noexcept {
    s.place = slot_node::place_type::closing;
    s.retired = why;
    count_ejection(record_.totals, why);
    census_.to_be_closed(s);
    record_.tell({.kind = queue_event_kind::slot_closed, .reason = why}, s);
    out.closed.push_back(s);
  }

  bool drained() const noexcept { return closed_ && census_.nothing_left() && this->is_idle(); }

  void notice_drained(queue_actions& out) noexcept {
    while (line_.has_drainers() && drained())
      end_waiting(line_.drainer(), {}, out);
  }

  // As many are idle as somebody waits for.
  void notice_idle(queue_actions& out) noexcept {
    while (wait_node* w = line_.find_idle_wait(idle_.size()))
      end_waiting(*w, {}, out);
  }

  waiting_line line_;
  wait_list granted_; // granted and not yet delivered
  std::uint64_t last_wait_ = 0;
  timestamp resumed_at_{};
  overload_control overload_;
  leased_slots leases_;
};

} // namespace hotslot::detail
