// The counted states and latencies of one queue.
#pragma once

#include <hotslot/stats/snapshot.hpp>

#include <array>
#include <chrono>
#include <cstdint>

namespace hotslot {

/// Counts callers and workers by state and averages the time spent in each.
///
/// The averages are exponentially weighted with factor 0.5, and the first sample of each is ignored, as in
/// Fn (fnproject/fn, api/agent/slots.go, `recordLatencyLocked`); here they are kept in nanoseconds.
/// They are for people: no decision of hotslot's own policies rests on an average alone.
///
/// Thread safety: distinct objects are safe, a shared one is not. Cost: a few additions.
class slot_stats {
 public:
  void enter(queue_state s) noexcept { ++states_[index(s)]; }

  /// Leaves a state. Returns false, and changes nothing, where nobody is in it: a defect of the caller's.
  [[nodiscard]] bool exit(queue_state s) noexcept {
    auto& n = states_[index(s)];
    if (n == 0)
      return false;
    --n;
    return true;
  }

  /// `exit`, and records how long the state lasted.
  [[nodiscard]] bool exit_with_latency(queue_state s, std::chrono::nanoseconds latency) noexcept {
    if (!exit(s))
      return false;
    record_latency(s, latency);
    return true;
  }

  void record_latency(queue_state s, std::chrono::nanoseconds latency) noexcept {
    auto& mean = latencies_[index(s)];
    bool& seen = seen_[index(s)];
    if (seen)
      mean = (mean + latency) / 2;
    seen = true;
  }

  std::uint64_t count(queue_state s) const noexcept { return states_[index(s)]; }
  std::chrono::nanoseconds latency(queue_state s) const noexcept { return latencies_[index(s)]; }

  /// True where nobody waits, starts or runs.
  bool is_idle() const noexcept { return states_[0] == 0 && states_[1] == 0 && states_[2] == 0; }

  void write_to(queue_snapshot& out) const noexcept {
    out.states = states_;
    out.latencies = latencies_;
  }

 private:
  static constexpr std::size_t index(queue_state s) noexcept { return static_cast<std::size_t>(s); }

  std::array<std::uint64_t, queue_state_count> states_{};
  std::array<std::chrono::nanoseconds, queue_state_count> latencies_{};
  std::array<bool, queue_state_count> seen_{};
};

} // namespace hotslot
