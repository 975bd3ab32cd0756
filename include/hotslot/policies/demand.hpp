// The default scaling policy: starts for whom nobody else is there.
#ifndef HOTSLOT_POLICIES_DEMAND_HPP
#define HOTSLOT_POLICIES_DEMAND_HPP

#include <hotslot/policies/scaling.hpp>

#include <chrono>
#include <cstdint>

namespace hotslot {

/// One start for each waiting call that no worker is there for, or will be before a start could be.
///
/// W waiting, I idle, S starting, R waiting for resources, N = I + busy; run, start: the queue's latencies.
///
///     missing = max(0, W - I - S - R)
///     held    = min(missing, floor(start * N / run))
///     start   = missing - held, all at once
///
/// Idle workers take I callers now. The workers there then free themselves N times a run, so the k-th of the
/// others is served after k * run / N; where that is not later than a start, a start is of no use to it. A
/// worker under way takes one caller when it comes, within a start; what it does later is no sooner than a
/// worker that is started now. So each worker under way counts for one caller beside those held.
///
/// Nobody is held back
/// - where start or run is not known yet (0), or N = 0;
/// - where the last of those held would be served, by that forecast, after the earliest deadline;
/// - where fewer than half of those held back were served for as long as a start takes: an average says
/// nothing
///   of the long calls that are running.
///
/// Parameters: none. Memory: since when how many are held back. Thread safety: distinct objects are safe.
///
/// Source: the count is the batch form of that in fnproject/fn after 2018, and of Boost.MySQL's
/// `num_connections_to_create`; the forecast is hotslot's.
class demand_rule {
 public:
  scaling_decision operator()(const scaling_input& in) noexcept;

  /// As if asked for the first time.
  scaling_decision operator()(const scaling_input& in) const noexcept {
    demand_rule fresh = *this;
    return fresh(in);
  }

 private:
  bool is_stuck(const scaling_input& in, std::uint64_t held) noexcept;
  scaling_decision hold(const scaling_input& in, std::uint64_t missing, std::uint64_t held) noexcept;

  bool holding_ = false; ///< Whether callers are held back; then:
  std::chrono::nanoseconds since_{};
  std::uint64_t goal_ = 0; ///< Slots handed out when half of them have been served.
};

/// The rule as a value, to be copied into a launcher's options.
inline constexpr demand_rule demand{};

} // namespace hotslot

#endif
