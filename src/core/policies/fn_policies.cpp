#include <hotslot/policies/fn_policies.hpp>

#include "policy_arithmetic.hpp"

namespace hotslot {

namespace {

using detail::say;

std::uint64_t whole_ms(std::chrono::nanoseconds t) noexcept {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(t).count());
}

scaling_decision one(decision_reason why) noexcept { return {.start = 1, .reason = why}; }
scaling_decision none(decision_reason why) noexcept { return {.reason = why}; }

scaling_decision capped(const scaling_input& in, const scaling_decision& d) noexcept {
  return detail::start(in, d.start, d.reason);
}

fn_2018_input inputs_of(const scaling_input& in) noexcept {
  return {
      .waiters = in.waiting(),
      .starters = in.starting(),
      .runners = in.workers(),
      .wait_ms = whole_ms(in.queue.latency(queue_state::waiter)),
      .start_ms = whole_ms(in.queue.latency(queue_state::starter)),
      .run_ms = whole_ms(in.queue.latency(queue_state::runner)),
  };
}

/// Precondition: executors > 0.
scaling_decision by_latencies(const fn_2018_input& in, std::uint64_t executors) noexcept {
  if (in.wait_ms == 0)
    return none(say("{} wait, but no wait was measured yet", in.waiters));
  if (in.run_ms / executors * 2 < in.wait_ms)
    return one(
        say("waits of {} ms exceed twice a run of {} ms by {} workers", in.wait_ms, in.run_ms, executors));
  if (in.run_ms < in.wait_ms)
    return one(say("waits of {} ms exceed a run of {} ms", in.wait_ms, in.run_ms));
  if (in.start_ms < in.wait_ms)
    return one(say("waits of {} ms exceed a start of {} ms", in.wait_ms, in.start_ms));
  return none(say("waits of {} ms exceed neither runs of {} ms nor starts of {} ms", in.wait_ms, in.run_ms,
                  in.start_ms));
}

} // namespace

scaling_decision fn_2018(const fn_2018_input& in) noexcept {
  if (in.waiters == 0)
    return none(say("nobody waits"));
  if (in.starters >= in.waiters)
    return none(say("{} wait, {} workers are starting", in.waiters, in.starters));
  const std::uint64_t executors = in.starters + in.runners;
  if (executors < in.waiters)
    return one(say("{} wait, more than the {} workers there and starting", in.waiters, executors));
  return by_latencies(in, executors);
}

scaling_decision fn_2018(const scaling_input& in) noexcept { return capped(in, fn_2018(inputs_of(in))); }

scaling_decision fn_stall_check::operator()(const scaling_input& in) noexcept {
  const bool stalled = in.queue.latencies == seen_;
  seen_ = in.queue.latencies;
  const fn_2018_input as_fn = inputs_of(in);
  if (as_fn.waiters == 0)
    return none(say("nobody waits"));
  const std::uint64_t executors = as_fn.starters + as_fn.runners;
  scaling_decision d;
  if (as_fn.starters >= as_fn.waiters)
    d = none(say("{} wait, {} workers are starting", as_fn.waiters, as_fn.starters));
  else if (executors == 0)
    d = one(say("{} wait and there is no worker", as_fn.waiters));
  else if (stalled)
    d = one(say("{} wait and nothing was measured since the last decision", as_fn.waiters));
  else
    d = by_latencies(as_fn, executors);
  d = capped(in, d);
  d.again = in.now + options_.poll;
  return d;
}

} // namespace hotslot
