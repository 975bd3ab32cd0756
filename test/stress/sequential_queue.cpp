#include "sequential_queue.hpp"

#include <hotslot/errc.hpp>

#include <utility>

namespace hotslot::stress {

namespace {

using kind = queue_event_kind;

void expect(bool right, const char* what) {
  if (!right)
    throw wrong(what);
}

} // namespace

void sequential_queue::apply(const queue_event& e) {
  switch (e.kind) {
  case kind::slot_queued:
    return queued(e);
  case kind::wait_begun:
    return wait_begun(e);
  case kind::wait_resumed:
    return wait_resumed(e);
  case kind::wait_ended:
    return wait_ended(e);
  case kind::queue_closed:
    expect(!std::exchange(closed_, true), "the queue was closed twice");
    return;
  case kind::start_begun:
  case kind::start_ended:
    throw wrong("a start that nobody made");
  default:
    break;
  }
  const auto found = workers_.find(e.worker);
  expect(found != workers_.end(), "an event of an unknown slot");
  expect(found->second.at != place::closed, "an event of a closed slot");
  expect(found->second.offer == e.offer || e.kind == kind::slot_released, "an event of another offer");
  apply_to_slot(found->second, e);
}

void sequential_queue::apply_to_slot(worker& w, const queue_event& e) {
  switch (e.kind) {
  case kind::slot_released:
    return released(w, e);
  case kind::slot_put_back:
    return put_back(w);
  case kind::slot_idle:
    return became_idle(w, e);
  case kind::slot_granted:
    return granted(w, e);
  case kind::slot_offered:
    return offered(w, e);
  case kind::slot_acquired:
    return acquired(w, e);
  default:
    return closed(w, e);
  }
}

void sequential_queue::new_offer(std::uint64_t id) {
  expect(id >= next_offer_, "the ids of offers do not increase");
  next_offer_ = id + 1;
}

void sequential_queue::queued(const queue_event& e) {
  new_offer(e.offer);
  expect(e.worker == e.offer, "a slot is not known by its first offer");
  workers_[e.worker].offer = e.offer;
  ++in_[static_cast<std::size_t>(place::moving)];
}

void sequential_queue::released(worker& w, const queue_event& e) {
  expect(w.at == place::leased, "released, but nobody has it");
  new_offer(e.offer);
  w.offer = e.offer;
  move(w, place::moving);
}

void sequential_queue::put_back(worker& w) {
  const bool revoked = w.at == place::granted && !granted_.contains(w.wait);
  expect(revoked || w.at == place::offered || w.at == place::leased, "put back, but nobody gave it up");
  move(w, place::moving);
}

void sequential_queue::became_idle(worker& w, const queue_event& e) {
  expect(w.at == place::moving, "idle, but it had not come back");
  expect(waiting_.empty(), "idle beside a waiting caller");
  expect(!closed_, "idle in a closed queue");
  move(w, place::idle);
  idle_.insert(e.offer);
}

void sequential_queue::take_newest_idle(const worker& w) {
  expect(*idle_.rbegin() == w.offer, "not the newest idle slot was taken");
  idle_.erase(w.offer);
}

void sequential_queue::granted(worker& w, const queue_event& e) {
  expect(!closed_, "granted after close");
  expect(!waiting_.empty() && *waiting_.begin() == e.wait, "granted to another than the longest waiting");
  if (w.at == place::idle)
    take_newest_idle(w);
  else
    expect(w.at == place::moving, "granted, but somebody has it");
  waiting_.erase(e.wait);
  granted_[e.wait] = e.worker;
  move(w, place::granted);
  w.wait = e.wait;
}

void sequential_queue::deliver(const worker& w, const queue_event& e) {
  expect(w.at == place::granted && w.wait == e.wait, "delivered to whom it was not granted");
  expect(granted_.erase(e.wait) == 1, "delivered to a wait that was over");
}

void sequential_queue::offered(worker& w, const queue_event& e) {
  expect(!closed_, "offered after close");
  if (e.wait != 0) {
    deliver(w, e);
  } else {
    expect(w.at == place::idle && waiting_.empty(), "offered to a newcomer, but it was not free");
    take_newest_idle(w);
  }
  move(w, place::offered);
}

void sequential_queue::acquired(worker& w, const queue_event& e) {
  expect(!closed_, "acquired after close");
  if (e.wait != 0) {
    deliver(w, e);
  } else if (w.at == place::idle) {
    expect(waiting_.empty(), "a newcomer overtook a waiting caller");
    take_newest_idle(w);
  } else {
    expect(w.at == place::offered, "acquired, but somebody has it");
  }
  ++acquired_;
  move(w, place::leased);
}

void sequential_queue::closed(worker& w, const queue_event& e) {
  expect(w.at != place::leased, "closed under its caller");
  expect(w.at != place::granted, "closed, but it was granted");
  expect(e.reason != eject_reason::closed || (closed_ && w.at != place::offered),
         "closed with an open queue");
  expect(e.reason != eject_reason::dirty || w.at == place::moving,
         "closed as dirty without having come back");
  if (w.at == place::idle)
    idle_.erase(w.offer);
  move(w, place::closed);
}

void sequential_queue::wait_begun(const queue_event& e) {
  expect(e.wait == last_wait_ + 1, "waits are not numbered as they come");
  last_wait_ = e.wait;
  waiting_.insert(e.wait);
}

// The slot that was granted goes: it has to be closed in the same step.
void sequential_queue::wait_resumed(const queue_event& e) {
  const auto grant = granted_.find(e.wait);
  expect(grant != granted_.end(), "a wait resumed that was granted nothing");
  move(workers_.at(grant->second), place::moving);
  granted_.erase(grant);
  waiting_.insert(e.wait);
}

void sequential_queue::wait_ended(const queue_event& e) {
  expect(e.error.failed(), "a wait ended without a slot and without an error");
  expect(e.error != errc::queue_closed || closed_, "a wait ended by a close that has not been");
  expect(e.error != errc::deadline_exceeded || waiting_.contains(e.wait), "a grant was too late");
  expect(waiting_.erase(e.wait) + granted_.erase(e.wait) == 1, "a wait ended that was over");
}

void sequential_queue::move(worker& w, place to) {
  --in_[static_cast<std::size_t>(w.at)];
  ++in_[static_cast<std::size_t>(to)];
  w.at = to;
}

rest_state sequential_queue::state() const {
  const auto busy = count(place::granted) + count(place::offered) + count(place::leased);
  return {{idle_.size(), busy, waiting_.size(), acquired_}, workers_.size() - count(place::closed), closed_};
}

void sequential_queue::check_rest() const {
  expect(count(place::moving) == 0, "a slot is nowhere");
  expect(count(place::granted) == granted_.size(), "a slot is granted to a wait that is over");
  expect(idle_.empty() || waiting_.empty(), "an idle slot and a waiting caller at rest");
  expect(!closed_ || (idle_.empty() && waiting_.empty() && granted_.empty()),
         "something is left in a closed queue");
}

void sequential_queue::check_end() const {
  expect(closed_, "the queue was never closed");
  expect(state().live == 0, "a slot was never closed");
}

} // namespace hotslot::stress
