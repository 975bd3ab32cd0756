#include <hotslot/stats/snapshot.hpp>

#include <tuple>

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
  case eject_reason::unfit:
    return &queue_totals::ejected_unfit;
  case eject_reason::detached:
    return &queue_totals::detached_slots;
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
    &queue_totals::ejected_unfit,
    &queue_totals::detached_slots,
    &queue_totals::leaked,
};
constexpr std::uint64_t more_than_bad_luck = 5;

static_assert(sizeof(queue_totals) == std::size(counters) * sizeof(std::uint64_t), "a counter is missing");

} // namespace

void count_ejection(queue_totals& totals, eject_reason why) noexcept { ++(totals.*counter_of(why)); }

std::uint64_t errors_in(const named_queue_snapshot& q) noexcept {
  const auto& t = q.queue.totals;
  const std::uint64_t failed = q.failed_calls ? q.failed_calls->total : 0;
  return t.timed_out + t.shed + t.shed_overloaded + t.shed_late + t.failed + failed;
}

queue_condition condition_of(const named_queue_snapshot& named) noexcept {
  const auto& q = named.queue;
  if (named.failure)
    return named.failure->breaker_open ? queue_condition::breaker_open : queue_condition::failing;
  if (named.failed_calls && named.failed_calls->in_a_row >= more_than_bad_luck)
    return queue_condition::calls_fail;
  if (q.count(queue_state::waiter) > 0 && q.idle == 0)
    return queue_condition::waiting;
  if (q.count(queue_state::starter) > 0)
    return queue_condition::starting;
  return q.busy > 0 || q.count(queue_state::waiter) > 0 ? queue_condition::serving : queue_condition::resting;
}

bool needs_more(const named_queue_snapshot& a, const named_queue_snapshot& b) noexcept {
  const auto need = [](const named_queue_snapshot& q) {
    return std::tuple(condition_of(q), q.queue.count(queue_state::waiter), q.queue.busy,
                      q.queue.totals.acquired);
  };
  return need(a) > need(b);
}

void accumulate(queue_snapshot& a, const queue_snapshot& b) noexcept {
  for (std::size_t i = 0; i < queue_state_count; ++i)
    a.states[i] += b.states[i];
  a.idle += b.idle;
  a.busy += b.busy;
  a.validating += b.validating;
  a.resetting += b.resetting;
  a.pinged += b.pinged;
  a.resource_waiters += b.resource_waiters;
  for (const auto counter : counters)
    a.totals.*counter += b.totals.*counter;
}

} // namespace hotslot
