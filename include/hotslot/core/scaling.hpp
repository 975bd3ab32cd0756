// Scaling policies: pure functions of a snapshot that say how many workers to start.
#ifndef HOTSLOT_CORE_SCALING_HPP
#define HOTSLOT_CORE_SCALING_HPP

#include <hotslot/core/snapshot.hpp>

#include <cstdint>
#include <string_view>

namespace hotslot {

/// What a policy decided, and why.
struct scaling_decision {
  std::uint64_t start = 0;
  std::string_view reason; ///< A literal.
};

/// The inputs of the seed's decision, in its own units.
struct fn_2018_input {
  std::uint64_t waiters = 0;
  std::uint64_t starters = 0;
  std::uint64_t runners = 0; ///< Idle and busy workers alike, as the seed's agent counts them.
  std::uint64_t wait_ms = 0;
  std::uint64_t start_ms = 0;
  std::uint64_t run_ms = 0;
};

/// The seed's decision, to the letter: at most one start.
///
/// Source: fnproject/fn, api/agent/slots.go of 2018-01-10, `isNewContainerNeeded`. Kept for comparison: it
/// stalls where a long call holds the only worker and no wait has been measured yet.
scaling_decision fn_2018(const fn_2018_input& in) noexcept;
scaling_decision fn_2018(const queue_snapshot& s) noexcept;

/// One start for each waiting call that no idle, starting or resource-awaiting worker is there for.
///
/// start = max(0, W - I - S - R). Source: the batch form of the count-based decision in fnproject/fn after
/// 2018, and Boost.MySQL's `num_connections_to_create`.
scaling_decision demand(const queue_snapshot& s) noexcept;

/// A policy is any function of this type.
using scaling_policy = scaling_decision (*)(const queue_snapshot&) noexcept;

} // namespace hotslot

#endif
