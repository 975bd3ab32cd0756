#include <hotslot/stats/snapshot.hpp>

namespace hotslot {

namespace {

std::uint64_t queue_totals::*counter_of(eject_reason why) noexcept {
  switch (why) {
  case eject_reason::idle:
    return &queue_totals::ejected_idle;
  case eject_reason::gone:
    return &queue_totals::ejected_gone;
  case eject_reason::dirty:
    return &queue_totals::ejected_dirty;
  case eject_reason::closed:
    return &queue_totals::ejected_closed;
  case eject_reason::aged:
    return &queue_totals::ejected_aged;
  case eject_reason::worn:
    return &queue_totals::ejected_worn;
  case eject_reason::recycled:
    return &queue_totals::ejected_recycled;
  case eject_reason::surplus:
    return &queue_totals::ejected_surplus;
  case eject_reason::evicted:
    return &queue_totals::ejected_evicted;
  case eject_reason::requested:
  case eject_reason::none:
    break;
  }
  return &queue_totals::ejected_requested;
}

constexpr std::uint64_t queue_totals::*counters[] = {
    &queue_totals::acquired,
    &queue_totals::timed_out,
    &queue_totals::cancelled,
    &queue_totals::shed,
    &queue_totals::shed_overloaded,
    &queue_totals::shed_late,
    &queue_totals::failed,
    &queue_totals::launched,
    &queue_totals::launch_failed,
    &queue_totals::ejected_idle,
    &queue_totals::ejected_gone,
    &queue_totals::ejected_dirty,
    &queue_totals::ejected_requested,
    &queue_totals::ejected_closed,
    &queue_totals::ejected_aged,
    &queue_totals::ejected_worn,
    &queue_totals::ejected_recycled,
    &queue_totals::ejected_surplus,
    &queue_totals::ejected_evicted,
};
static_assert(sizeof(queue_totals) == std::size(counters) * sizeof(std::uint64_t), "a counter is missing");

} // namespace

void count_ejection(queue_totals& totals, eject_reason why) noexcept { ++(totals.*counter_of(why)); }

void accumulate(queue_snapshot& a, const queue_snapshot& b) noexcept {
  for (std::size_t i = 0; i < queue_state_count; ++i)
    a.states[i] += b.states[i];
  a.idle += b.idle;
  a.busy += b.busy;
  a.resource_waiters += b.resource_waiters;
  for (const auto counter : counters)
    a.totals.*counter += b.totals.*counter;
}

void accumulate(detached_counts& a, const detached_counts& b) noexcept {
  a.waiting += b.waiting;
  a.running += b.running;
  a.accepted += b.accepted;
  a.refused += b.refused;
  a.succeeded += b.succeeded;
  a.failed += b.failed;
  a.lost += b.lost;
}

} // namespace hotslot
