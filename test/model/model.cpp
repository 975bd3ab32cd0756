#include "model.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>

namespace hotslot::model {

using place = slot::place;
using phase = wait::phase;

int queue::newest_idle() const {
  int found = no_slot;
  for (int i = 0; i < static_cast<int>(slots.size()); ++i)
    if (slots[i].at == place::idle && (found == no_slot || slots[i].offer > slots[found].offer))
      found = i;
  return found;
}

int queue::oldest_idle() const {
  int found = no_slot;
  for (int i = 0; i < static_cast<int>(slots.size()); ++i)
    if (slots[i].at == place::idle && (found == no_slot || slots[i].offer < slots[found].offer))
      found = i;
  return found;
}

// None while the queue is suspended.
int queue::next_idle() const {
  if (suspended_)
    return no_slot;
  return lends_oldest_ ? oldest_idle() : newest_idle();
}

int queue::oldest_waiting() const { return order_.empty() ? no_slot : order_.front(); }

std::uint64_t queue::count(phase at) const {
  return static_cast<std::uint64_t>(
      std::count_if(waits.begin(), waits.end(), [&](const wait& w) { return w.at == at; }));
}

std::uint64_t queue::count(place at) const {
  return static_cast<std::uint64_t>(
      std::count_if(slots.begin(), slots.end(), [&](const slot& s) { return s.at == at; }));
}

std::uint64_t queue::live() const { return slots.size() - count(place::closed) - count(place::detached); }

void queue::queue_slot() {
  slots.emplace_back();
  offer_anew(static_cast<int>(slots.size()) - 1);
}

void queue::offer_anew(int s) {
  slots[s].offer = next_offer_++;
  slots[s].idle_since = now_;
  came_back(s);
}

void queue::came_back(int s) {
  if (slots[s].retired)
    return close_slot(s, *slots[s].retired);
  if (closed_)
    return close_slot(s, eject_reason::closed);
  if (const int w = oldest_waiting(); w != no_slot && !suspended_)
    return grant(s, w);
  slots[s].at = place::idle;
}

void queue::grant(int s, int w) {
  std::erase(order_, w);
  slots[s].at = place::granted;
  waits[w].at = phase::granted;
  waits[w].slot = s;
}

int queue::try_acquire() {
  const int s = next_idle();
  if (s == no_slot)
    return s;
  slots[s].at = place::leased;
  slots[s].leased_at = now_;
  ++totals_.acquired;
  waited_.add({});
  return s;
}

void queue::release(int s, bool dirty) {
  ran_.add(now_ - slots[s].leased_at);
  if (dirty && !slots[s].retired)
    slots[s].retired = eject_reason::dirty;
  offer_anew(s);
}

void queue::put_back(int s) { came_back(s); }

void queue::close_slot(int s, eject_reason why) {
  slots[s].at = place::closed;
  count_ejection(totals_, why);
}

bool queue::eject(int s, std::uint64_t offer) {
  if (slots[s].offer != offer || slots[s].at != place::idle)
    return false;
  close_slot(s, eject_reason::requested);
  return true;
}

void queue::retire(int s) {
  slot& gone = slots[s];
  if (gone.at == place::closed || gone.at == place::detached || gone.retired)
    return;
  gone.retired = eject_reason::requested;
  if (gone.at == place::leased)
    return;
  const bool granted = gone.at == place::granted;
  close_slot(s, eject_reason::requested);
  if (!granted)
    return;
  for (int w = 0; w < static_cast<int>(waits.size()); ++w)
    if (waits[w].at == phase::granted && waits[w].slot == s) {
      waits[w].at = phase::waiting;
      waits[w].slot = no_slot;
      order_.insert(std::lower_bound(order_.begin(), order_.end(), w), w);
      if (const int other = next_idle(); other != no_slot)
        grant(other, w);
    }
}

void queue::eject_idle(time cutoff, std::uint64_t keep) {
  for (int s = oldest_idle(); s != no_slot && slots[s].idle_since <= cutoff && live() > keep;
       s = oldest_idle())
    close_slot(s, eject_reason::idle);
}

std::uint64_t queue::eject_thirds(int remainder) {
  std::uint64_t n = 0;
  for (int s = 0; s < static_cast<int>(slots.size()); ++s)
    if (slots[s].at == place::idle && s % 3 == remainder && ++n)
      close_slot(s, eject_reason::requested);
  return n;
}

void queue::detach(int s) {
  slots[s].at = place::detached;
  ++totals_.detached_slots;
}

void queue::resume() {
  suspended_ = false;
  while (oldest_waiting() != no_slot && next_idle() != no_slot)
    grant(next_idle(), oldest_waiting());
}

void queue::enter() { ++counted_; }
void queue::give_up() {
  --counted_;
  ++totals_.cancelled;
}

int queue::try_acquire_counted() {
  const int s = try_acquire();
  counted_ -= s != no_slot;
  return s;
}

void queue::acquire(time deadline, bool counted) {
  counted_ -= counted;
  waits.push_back({.since = now_, .deadline = deadline, .result = {}});
  const int w = static_cast<int>(waits.size()) - 1;
  if (closed_)
    return end(w, errc::queue_closed);
  if (const int s = next_idle(); s != no_slot)
    return grant(s, w);
  if (order_.size() >= limit_) {
    ++totals_.shed;
    return end(w, errc::queue_full);
  }
  order_.push_back(w);
}

void queue::end(int w, error_code why) {
  std::erase(order_, w);
  waits[w].at = phase::ended;
  waits[w].result = why;
}

void queue::cancel(int w) {
  const auto at = waits[w].at;
  if (at != phase::waiting && at != phase::granted)
    return;
  ++totals_.cancelled;
  end(w, boost::asio::error::operation_aborted);
  if (at == phase::granted)
    came_back(std::exchange(waits[w].slot, no_slot));
}

void queue::cancel_all() {
  while (oldest_waiting() != no_slot)
    cancel(oldest_waiting());
}

void queue::fail(error_code why, std::uint64_t n) {
  for (; n != 0 && oldest_waiting() != no_slot; --n) {
    ++totals_.failed;
    end(oldest_waiting(), why);
  }
}

void queue::close() {
  if (closed_)
    return;
  closed_ = true;
  while (oldest_waiting() != no_slot)
    end(oldest_waiting(), errc::queue_closed);
  for (int w = 0; w < static_cast<int>(waits.size()); ++w)
    if (waits[w].at == phase::granted) {
      end(w, errc::queue_closed);
      came_back(std::exchange(waits[w].slot, no_slot));
    }
  for (int s = oldest_idle(); s != no_slot; s = oldest_idle())
    close_slot(s, eject_reason::closed);
}

void queue::tell_all() {
  for (wait& w : waits) {
    if (w.at == phase::granted) {
      slots[w.slot].at = place::leased;
      slots[w.slot].leased_at = now_;
      waited_.add(now_ - w.since);
      ++totals_.acquired;
    }
    if (w.at == phase::granted || w.at == phase::ended)
      w.at = phase::told;
  }
}

void queue::run_until(time t) {
  tell_all();
  for (;;) {
    int next = no_slot;
    for (const int w : order_)
      if (waits[w].deadline <= t && (next == no_slot || waits[w].deadline < waits[next].deadline))
        next = w;
    if (next == no_slot)
      break;
    now_ = std::max(now_, waits[next].deadline);
    ++totals_.timed_out;
    end(next, errc::deadline_exceeded);
    tell_all();
  }
  now_ = t;
}

bool queue::is_idle() const {
  return order_.empty() && counted_ == 0 && count(place::granted) + count(place::leased) == 0;
}

queue_snapshot queue::snapshot() const {
  queue_snapshot s;
  s.idle = count(place::idle);
  s.busy = count(place::granted) + count(place::leased);
  s.states[static_cast<std::size_t>(queue_state::runner)] = s.busy;
  s.states[static_cast<std::size_t>(queue_state::waiter)] = order_.size() + counted_;
  s.latencies[static_cast<std::size_t>(queue_state::runner)] = ran_.value;
  s.latencies[static_cast<std::size_t>(queue_state::waiter)] = waited_.value;
  s.totals = totals_;
  s.suspended = suspended_;
  return s;
}

} // namespace hotslot::model
