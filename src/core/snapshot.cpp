#include <hotslot/core/snapshot.hpp>

namespace hotslot {

void count_ejection(queue_totals& totals, eject_reason why) noexcept {
  switch (why) {
  case eject_reason::idle:
    ++totals.ejected_idle;
    return;
  case eject_reason::gone:
    ++totals.ejected_gone;
    return;
  case eject_reason::dirty:
    ++totals.ejected_dirty;
    return;
  case eject_reason::closed:
    ++totals.ejected_closed;
    return;
  case eject_reason::requested:
  case eject_reason::none:
    ++totals.ejected_requested;
    return;
  }
}
namespace {

constexpr std::uint64_t queue_totals::*counters[] = {
    &queue_totals::acquired,
    &queue_totals::timed_out,
    &queue_totals::cancelled,
    &queue_totals::shed,
    &queue_totals::failed,
    &queue_totals::launched,
    &queue_totals::launch_failed,
    &queue_totals::ejected_idle,
    &queue_totals::ejected_gone,
    &queue_totals::ejected_dirty,
    &queue_totals::ejected_requested,
    &queue_totals::ejected_closed,
};
static_assert(sizeof(queue_totals) == std::size(counters) * sizeof(std::uint64_t), "a counter is missing");

} // namespace

void accumulate(queue_snapshot& a, const queue_snapshot& b) noexcept {
  for (std::size_t i = 0; i < queue_state_count; ++i)
    a.states[i] += b.states[i];
  a.idle += b.idle;
  a.busy += b.busy;
  a.resource_waiters += b.resource_waiters;
  for (const auto counter : counters)
    a.totals.*counter += b.totals.*counter;
}

} // namespace hotslot
