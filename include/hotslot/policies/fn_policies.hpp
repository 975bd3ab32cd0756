// The scaling decisions of Fn's agent in January 2018, kept for comparison.
#ifndef HOTSLOT_POLICIES_FN_POLICIES_HPP
#define HOTSLOT_POLICIES_FN_POLICIES_HPP

#include <hotslot/policies/scaling.hpp>

#include <array>
#include <chrono>
#include <cstdint>

namespace hotslot {

/// The inputs of Fn's decision, in its own units.
struct fn_2018_input {
  std::uint64_t waiters = 0;
  std::uint64_t starters = 0;
  std::uint64_t runners = 0; ///< Idle and busy workers alike, as Fn's agent counts them.
  std::uint64_t wait_ms = 0;
  std::uint64_t start_ms = 0;
  std::uint64_t run_ms = 0;
};

/// Fn's decision, to the letter: at most one start.
///
/// Source: fnproject/fn, api/agent/slots.go of 2018-01-10, `isNewContainerNeeded`. Kept for comparison: it
/// stalls where a long call holds the only worker and no wait has been measured yet.
scaling_decision fn_2018(const fn_2018_input& in) noexcept;
/// The same as a policy.
scaling_decision fn_2018(const scaling_input& in) noexcept;

/// When `fn_stall_check` looks.
struct fn_stall_check_options {
  /// How long after a decision the next one is made at the latest while calls wait: Fn's waiting calls signal
  /// the launcher as often.
  std::chrono::nanoseconds poll = std::chrono::milliseconds(200);
};

/// Fn's decision as it was a day later: where nothing was measured since the last decision, the workers
/// are taken to be stuck in long calls, and one more is started.
///
/// W waiting, S starting, E = S + idle + busy. None if W = 0 or S >= W. One if E = 0, or if none of the three
/// latencies is another than at the last decision; else as `fn_2018` after its comparison of E with W, which
/// is left out. Starts that wait for resources are not counted, as they were not.
///
/// Source: fnproject/fn, pull request 677, of 2018-01-11. Latencies are compared in nanoseconds, not in its
/// milliseconds, in which short calls never change.
class fn_stall_check {
 public:
  explicit fn_stall_check(fn_stall_check_options options = {}) noexcept
    : options_(options) {}

  scaling_decision operator()(const scaling_input& in) noexcept;

 private:
  fn_stall_check_options options_;
  std::array<std::chrono::nanoseconds, queue_state_count> seen_{};
};

} // namespace hotslot

#endif
