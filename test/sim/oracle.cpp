#include "oracle.hpp"

#include <algorithm>
#include <sstream>

namespace hotslot::sim {

using kind = queue_event_kind;

void verdict::fail(std::string_view what, std::string_view detail) {
  if (what_)
    return;
  what_.emplace(what);
  what_->append(detail);
}

void oracle::tell(const queue_event& e) noexcept {
  if (!verdict_.failed())
    step(e);
}

void oracle::expect(bool right, const char* what, const queue_event& e) const {
  if (right)
    return;
  std::ostringstream where;
  where << " (worker " << e.worker << ", offer " << e.offer << ", wait " << e.wait << ')';
  verdict_.fail(what, where.str());
}

oracle::worker* oracle::find(const queue_event& e) {
  const auto it = workers_.find(e.worker);
  expect(it != workers_.end(), "an event of an unknown worker", e);
  if (it == workers_.end())
    return nullptr;
  expect(it->second.at != place::closed, "an event of a closed slot", e);
  expect(it->second.offer == e.offer || e.kind == kind::slot_released, "an offer's id has changed", e);
  return &it->second;
}

void oracle::step(const queue_event& e) {
  expect(!too_many_ || (e.wait == last_wait_ && (e.kind == kind::wait_ended || e.kind == kind::slot_granted)),
         "more wait than may", e);
  too_many_ = false;
  switch (e.kind) {
  case kind::slot_queued:
    return queued(e);
  case kind::wait_begun:
    return wait_begun(e);
  case kind::wait_ended:
    return wait_ended(e);
  case kind::wait_resumed:
    return wait_resumed(e);
  case kind::start_begun:
    ++starting_;
    return;
  case kind::start_ended:
    expect(starting_ != 0, "a start ended that had not begun", e);
    --starting_;
    return;
  case kind::queue_closed:
    expect(!closed_, "closed twice", e);
    closed_ = true;
    return;
  case kind::queue_suspended:
  case kind::queue_resumed:
    expect(suspended_ != (e.kind == kind::queue_suspended), "suspended or resumed twice", e);
    suspended_ = !suspended_;
    return;
  case kind::lease_leaked:
    return leaked(e);
  default:
    break;
  }
  worker* w = find(e);
  if (!w)
    return;
  switch (e.kind) {
  case kind::slot_released:
    return released(*w, e);
  case kind::slot_put_back:
    return put_back(*w, e);
  case kind::slot_idle:
    return became_idle(*w, e);
  case kind::slot_granted:
    return granted(*w, e);
  case kind::slot_offered:
    return offered(*w, e);
  case kind::slot_acquired:
    return acquired(*w, e);
  case kind::slot_tended:
    return tended(*w, e);
  case kind::slot_looked_after:
    return looked_after(*w, e);
  default:
    return closed_slot(*w, e);
  }
}

void oracle::queued(const queue_event& e) {
  expect(e.worker == e.offer && e.offer == next_offer_, "a new slot's offer is not the next", e);
  ++next_offer_;
  workers_[e.worker] = {.offer = e.offer, .idle_since = clock::now(), .validated = true};
}

void oracle::released(worker& w, const queue_event& e) {
  w.not_reset = w.at == place::leased && resets_;
  expect(w.at == place::leased || std::exchange(w.offered_anew, false), "released without a lease", e);
  expect(e.offer == next_offer_, "a released slot's offer is not the next", e);
  ++next_offer_;
  w.offer = e.offer;
  w.idle_since = clock::now();
  w.at = place::moving;
}

void oracle::put_back(worker& w, const queue_event& e) {
  expect(w.at == place::granted || w.at == place::offered || w.at == place::leased,
         "put back without having been given out", e);
  if (w.at == place::granted)
    expect(!waits_[w.wait], "taken back from a wait that goes on", e);
  w.at = place::moving;
}

void oracle::became_idle(worker& w, const queue_event& e) {
  expect(w.at == place::moving, "idle, but it had not come back", e);
  expect(waiting_.empty() || suspended_, "idle beside a waiting caller", e);
  expect(!w.offered_anew, "looked after, and not offered anew", e);
  expect(!w.not_reset, "idle without having been reset", e);
  expect(!closed_, "idle in a closed queue", e);
  w.at = place::idle;
  w.validated = false;
  const auto after =
      std::find_if(idle_.begin(), idle_.end(), [&](const worker* i) { return i->offer > w.offer; });
  idle_.insert(after, &w);
}

void oracle::take_from_idle(worker& w, const queue_event& e) {
  expect(!idle_.empty() && (lends_oldest_ ? idle_.front() : idle_.back()) == &w,
         "not the next idle slot was taken", e);
  expect(!suspended_, "lent by a suspended queue", e);
  expect(e.kind == kind::slot_tended || clock::now() - w.idle_since < validate_after_,
         "a slot was given out that has to be validated", e);
  std::erase(idle_, &w);
}

void oracle::granted(worker& w, const queue_event& e) {
  expect(!closed_, "granted in a closed queue", e);
  expect(!suspended_, "granted by a suspended queue", e);
  expect(!w.not_reset, "granted without having been reset", e);
  expect(w.validated || clock::now() - w.idle_since < validate_after_,
         "granted without having been validated", e);
  expect(!waiting_.empty() && waiting_.front() == e.wait, "granted to another than the longest waiting", e);
  std::erase(waiting_, e.wait);
  if (w.at == place::idle)
    take_from_idle(w, e);
  else
    expect(w.at == place::moving, "granted, but somebody has it", e);
  w.at = place::granted;
  w.validated = false;
  w.wait = e.wait;
}

void oracle::offered(worker& w, const queue_event& e) {
  if (e.wait == 0) {
    expect(w.at == place::idle && waiting_.empty(), "a newcomer was offered what was not free", e);
    take_from_idle(w, e);
  } else {
    expect(w.at == place::granted && w.wait == e.wait, "offered to another than it was granted to", e);
    waits_[e.wait] = false;
  }
  w.at = place::offered;
}

void oracle::acquired(worker& w, const queue_event& e) {
  if (e.wait != 0) {
    expect(w.at == place::granted && w.wait == e.wait, "delivered to another than it was granted to", e);
    waits_[e.wait] = false;
  } else if (w.at == place::idle) {
    expect(waiting_.empty(), "a newcomer overtook a waiting caller", e);
    take_from_idle(w, e);
  } else {
    expect(w.at == place::offered, "acquired, but it was not free", e);
  }
  ++totals_.acquired;
  w.at = place::leased;
}

void oracle::tended(worker& w, const queue_event& e) {
  const place from = w.at;
  if (e.task == slot_task::reset)
    expect(from == place::leased, "reset without having been used", e);
  else if (e.task == slot_task::validate && from == place::idle)
    take_from_idle(w, e);
  else
    expect(from == (e.task == slot_task::validate ? place::moving : place::idle), "looked after in use", e);
  std::erase(idle_, &w);
  expect(!closed_, "looked after in a closed queue", e);
  expect(e.task != slot_task::validate || !suspended_, "validated for nobody", e);
  expect(e.task != slot_task::keepalive || waiting_.empty() || suspended_, "pinged beside a waiting caller",
         e);
  w.at = place::tended;
  w.task = e.task;
}

void oracle::looked_after(worker& w, const queue_event& e) {
  expect(w.at == place::tended && w.task == e.task, "looked after, though that had not begun", e);
  w.at = place::moving;
  w.offered_anew = e.task != slot_task::keepalive;
  w.validated = e.task == slot_task::validate;
}

std::size_t oracle::validating() const noexcept {
  return static_cast<std::size_t>(std::count_if(workers_.begin(), workers_.end(), [](const auto& w) {
    return w.second.at == place::tended && w.second.task == slot_task::validate;
  }));
}

void oracle::closed_slot(worker& w, const queue_event& e) {
  expect((w.at == place::leased) == (e.reason == eject_reason::detached), "closed while a caller has it", e);
  if (w.at == place::idle) {
    expect(e.reason != eject_reason::idle || idle_.front() == &w, "not the oldest idle slot was ejected", e);
    std::erase(idle_, &w);
  }
  expect((e.reason != eject_reason::closed && e.reason != eject_reason::dirty) || w.at == place::moving ||
             w.at == place::idle,
         "closed without having come back", e);
  expect(e.reason != eject_reason::closed || closed_, "closed with an open queue", e);
  count_ejection(totals_, e.reason);
  w.at = place::closed;
}

void oracle::leaked(const queue_event& e) {
  const auto has_it = [&](const auto& w) {
    return w.second.at == place::leased && w.second.offer == e.offer;
  };
  expect(std::any_of(workers_.begin(), workers_.end(), has_it), "a lease leaked that is not out", e);
  ++totals_.leaked;
}

void oracle::wait_begun(const queue_event& e) {
  expect(e.wait == last_wait_ + 1, "waits are not numbered as they come", e);
  last_wait_ = e.wait;
  waits_[e.wait] = true;
  waiting_.push_back(e.wait);
  // Those are let in whom a worker is or may be started for.
  const std::uint64_t starts = std::max<std::uint64_t>(most_workers_, live() + starting_) - live();
  const std::uint64_t soon = starts + idle_.size() + count(place::tended);
  too_many_ = waiting_.size() > limit_ && waiting_.size() - limit_ > (suspended_ ? 0 : soon);
}

void oracle::wait_ended(const queue_event& e) {
  expect(waits_[e.wait], "a wait ended that was over", e);
  expect(static_cast<bool>(e.error), "a wait ended without a slot and without an error", e);
  expect(e.error != errc::queue_closed || closed_, "a wait ended by a close that has not been", e);
  waits_[e.wait] = false;
  std::erase(waiting_, e.wait);
  totals_.timed_out += e.error == errc::deadline_exceeded;
  totals_.shed += e.error == errc::queue_full;
}

void oracle::wait_resumed(const queue_event& e) {
  expect(waits_[e.wait], "a wait resumed that was over", e);
  waiting_.insert(std::lower_bound(waiting_.begin(), waiting_.end(), e.wait), e.wait);
}

std::size_t oracle::count(place at) const noexcept {
  return static_cast<std::size_t>(
      std::count_if(workers_.begin(), workers_.end(), [&](const auto& w) { return w.second.at == at; }));
}

std::size_t oracle::live() const noexcept { return workers_.size() - count(place::closed); }

void oracle::check_rest() const {
  verdict_.check(count(place::moving) == 0, "a slot is nowhere");
  verdict_.check(!too_many_, "more wait than may");
  verdict_.check(idle_.empty() || suspended_ || waiting_.size() <= validating(),
                 "an idle slot and a waiting caller at rest");
  verdict_.check(!closed_ || (idle_.empty() && waiting_.empty() && count(place::granted) == 0),
                 "something is left in a closed queue");
}

void oracle::check_snapshot(const queue_snapshot& s, std::uint64_t not_begun) const {
  const auto busy = count(place::granted) + count(place::offered) + count(place::leased);
  verdict_.check(s.idle == idle_.size(), "the snapshot's idle slots are wrong");
  verdict_.check(s.busy == busy && s.count(queue_state::runner) == busy,
                 "the snapshot's busy slots are wrong");
  verdict_.check(s.count(queue_state::waiter) == waiting_.size() + not_begun,
                 "the snapshot's waiters are wrong");
  verdict_.check(s.count(queue_state::starter) == starting_, "the snapshot's starters are wrong");
  // Those that take too long are not counted any more.
  verdict_.check(s.validating + s.resetting + s.pinged <= count(place::tended),
                 "the snapshot's slots that are looked after are wrong");
  verdict_.check(s.suspended == suspended_, "the snapshot's suspension is wrong");
  const auto& t = s.totals;
  verdict_.check(t.acquired == totals_.acquired && t.timed_out == totals_.timed_out && t.shed == totals_.shed,
                 "the snapshot's totals of waits are wrong");
  verdict_.check(
      t.ejected_idle == totals_.ejected_idle && t.ejected_gone == totals_.ejected_gone &&
          t.ejected_dirty == totals_.ejected_dirty && t.ejected_closed == totals_.ejected_closed &&
          t.ejected_requested == totals_.ejected_requested && t.ejected_aged == totals_.ejected_aged &&
          t.ejected_worn == totals_.ejected_worn && t.ejected_recycled == totals_.ejected_recycled &&
          t.ejected_evicted == totals_.ejected_evicted && t.ejected_unfit == totals_.ejected_unfit &&
          t.detached_slots == totals_.detached_slots && t.leaked == totals_.leaked,
      "the snapshot's totals of ejections are wrong");
}

void oracle::check_aged(clock::time_point cutoff, std::uint64_t keep) const {
  const bool old_left =
      std::any_of(idle_.begin(), idle_.end(), [&](const worker* w) { return w->idle_since <= cutoff; });
  verdict_.check(!old_left || live() <= keep, "an old idle slot was kept");
}

void oracle::check_end() const {
  verdict_.check(live() == 0, "a slot was never closed");
  verdict_.check(waiting_.empty() && starting_ == 0, "a caller or a start is still counted");
  verdict_.check(std::none_of(waits_.begin(), waits_.end(), [](const auto& w) { return w.second; }),
                 "a wait never ended");
}

} // namespace hotslot::sim
