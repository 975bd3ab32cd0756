// Square-root staffing as a scaling policy.
#ifndef HOTSLOT_POLICIES_LITTLE_HPP
#define HOTSLOT_POLICIES_LITTLE_HPP

#include <hotslot/policies/policy_memory.hpp>
#include <hotslot/policies/scaling.hpp>

#include <chrono>
#include <optional>

namespace hotslot {

/// Precondition: 0 < tick <= rate_window; safety >= 0, slack >= 0.
struct little_options {
  std::chrono::nanoseconds tick = std::chrono::seconds(1);
  std::chrono::nanoseconds rate_window = std::chrono::seconds(10); ///< Of which the load is averaged.
  std::chrono::nanoseconds down_window = std::chrono::seconds(60); ///< Of surplus before workers are ended.
  double safety = 1;   ///< c: standard deviations of the load that are kept in reserve.
  double slack = 0.25; ///< h: the part by which there may be more workers than wanted.
};

/// So many workers that few calls wait at the present rate of arrivals.
///
/// At each tick:
///
///     a     = the offered load: arrivals a second * run latency in seconds, or the mean number of busy
///     workers
///             where that is more; both over rate_window
///     want  = ceil(a + safety * sqrt(a))
///     start = want - workers there, starting and waiting for resources; or else
///     eject = workers there - want, where they were more than want * (1 + slack) for a down_window
///
/// The number of busy workers knows of long calls what the run latency does not, as long as they run. Where
/// no rate or no run was measured yet, a is the number of calls in service and waiting. Little's law says
/// that a workers are busy on average; if arrivals are Poisson's, the number that would be busy has the
/// standard deviation sqrt(a). With safety = 1 about a call in four waits, with 2 one in forty.
///
/// Between ticks it starts one worker where calls wait and none is there or on its way. It does not look at
/// the calls that wait already, so that a burst is worked off by the workers that its average needs.
///
/// Thread safety: distinct objects are safe. Cost: a tick reads the windows, 20 numbers by default.
///
/// Source: Halfin, Whitt, "Heavy-Traffic Limits for Queues with Many Exponential Servers", Operations
/// Research 29(3), 1981; Little, "A Proof for the Queuing Formula L = lambda W", Operations Research 9(3),
/// 1961.
class little {
 public:
  explicit little(little_options options = {});

  scaling_decision operator()(const scaling_input& in) noexcept;

 private:
  scaling_decision tick(const scaling_input& in, double load) noexcept;
  double offered_load(const scaling_input& in, std::uint64_t ticks) noexcept;
  bool is_surplus_old(const scaling_input& in, double want) noexcept;

  little_options options_;
  detail::ticker ticker_;
  detail::tick_window arrivals_;   ///< A second.
  detail::tick_window in_service_; ///< Busy workers.
  detail::traffic_meter meter_;
  bool has_rate_ = false;
  std::optional<std::chrono::nanoseconds> surplus_since_;
};

} // namespace hotslot

#endif
