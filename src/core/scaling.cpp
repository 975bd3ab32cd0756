#include <hotslot/core/scaling.hpp>

namespace hotslot {

namespace {

std::uint64_t whole_ms(std::chrono::nanoseconds t) noexcept {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(t).count());
}

} // namespace

scaling_decision fn_2018(const fn_2018_input& in) noexcept {
  if (in.waiters == 0)
    return {0, "nobody waits"};
  if (in.starters >= in.waiters)
    return {0, "a worker is starting for every waiter"};
  const std::uint64_t executors = in.starters + in.runners;
  if (executors < in.waiters)
    return {1, "fewer workers than waiters"};
  if (in.wait_ms == 0)
    return {0, "no wait latency"};
  if (in.run_ms / executors * 2 < in.wait_ms)
    return {1, "waits longer than twice a worker's share of a run"};
  if (in.run_ms < in.wait_ms)
    return {1, "waits longer than a run"};
  if (in.start_ms < in.wait_ms)
    return {1, "waits longer than a start"};
  return {0, "waits shorter than runs and starts"};
}

scaling_decision fn_2018(const queue_snapshot& s) noexcept {
  return fn_2018(fn_2018_input{
      .waiters = s.count(queue_state::waiter),
      .starters = s.count(queue_state::starter),
      .runners = s.idle + s.busy,
      .wait_ms = whole_ms(s.latency(queue_state::waiter)),
      .start_ms = whole_ms(s.latency(queue_state::starter)),
      .run_ms = whole_ms(s.latency(queue_state::runner)),
  });
}

scaling_decision demand(const queue_snapshot& s) noexcept {
  const std::uint64_t waiters = s.count(queue_state::waiter);
  const std::uint64_t served = s.idle + s.count(queue_state::starter) + s.resource_waiters;
  if (waiters == 0)
    return {0, "nobody waits"};
  if (waiters <= served)
    return {0, "a worker is idle or on its way for every waiter"};
  return {waiters - served, "more waiters than idle and starting workers"};
}

} // namespace hotslot
