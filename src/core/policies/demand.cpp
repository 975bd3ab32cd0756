#include <hotslot/policies/demand.hpp>

#include <hotslot/policies/overload.hpp>

#include "policy_arithmetic.hpp"

namespace hotslot {

using detail::say;

namespace {

/// How many of the missing workers those there can stand in for, before one started now could.
std::uint64_t served_sooner(const scaling_input& in, std::uint64_t missing) noexcept {
  const auto run = in.queue.latency(queue_state::runner);
  const auto start = in.queue.latency(queue_state::starter);
  if (run.count() <= 0 || start.count() <= 0)
    return 0;
  const double served = static_cast<double>(start.count()) * static_cast<double>(in.workers()) /
                        static_cast<double>(run.count());
  return served < static_cast<double>(missing) ? static_cast<std::uint64_t>(served) : missing;
}

/// Precondition: held > 0, N > 0 and the run latency is known.
bool misses_deadline(const scaling_input& in, std::uint64_t held) noexcept {
  const auto wait = *forecast(held - 1, in.queue.latency(queue_state::runner), {}, in.workers(), 0);
  return in.next_deadline <= in.now || wait > in.next_deadline - in.now;
}

} // namespace

/// Whether, for as long as a start takes, fewer than half of those held back were served.
bool demand_rule::is_stuck(const scaling_input& in, std::uint64_t held) noexcept {
  const std::uint64_t acquired = in.queue.totals.acquired;
  if (!holding_ || acquired >= goal_) {
    holding_ = true;
    since_ = in.now;
    goal_ = acquired + (held + 1) / 2;
  }
  return in.now - since_ >= in.queue.latency(queue_state::starter);
}

/// Starts those missing but `held`, or all where the forecast is not to be relied on.
scaling_decision demand_rule::hold(const scaling_input& in, std::uint64_t missing,
                                   std::uint64_t held) noexcept {
  const auto start = in.queue.latency(queue_state::starter);
  if (is_stuck(in, held)) {
    holding_ = false;
    return detail::start(
        in, missing,
        say("{} wait, and for {} ms the {} workers there served less than half of the forecast", in.waiting(),
            detail::in_ms(start), in.workers()));
  }
  if (misses_deadline(in, held)) {
    holding_ = false;
    return detail::start(
        in, missing,
        say("{} wait, and the {} workers there would serve {} of them after the earliest deadline",
            in.waiting(), in.workers(), held));
  }
  auto d = detail::start(in, missing - held,
                         say("{} wait, {} workers are on their way, and {} calls are served by the {} there "
                             "before a start of {} ms",
                             in.waiting(), detail::under_way(in), held, in.workers(), detail::in_ms(start)));
  d.again = since_ + start;
  return d;
}

scaling_decision demand_rule::operator()(const scaling_input& in) noexcept {
  const std::uint64_t coming = detail::under_way(in);
  const std::uint64_t missing = detail::less(in.waiting(), in.queue.idle + coming);
  const std::uint64_t held = served_sooner(in, missing);
  if (held != 0)
    return hold(in, missing, held);
  holding_ = false;
  if (in.waiting() == 0)
    return {.reason = say("nobody waits")};
  return detail::start(
      in, missing,
      say("{} wait, {} workers are idle and {} on their way", in.waiting(), in.queue.idle, coming));
}

} // namespace hotslot
