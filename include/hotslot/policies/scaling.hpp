// What a scaling policy is asked and what it answers.
#ifndef HOTSLOT_POLICIES_SCALING_HPP
#define HOTSLOT_POLICIES_SCALING_HPP

#include <hotslot/resources.hpp>
#include <hotslot/stats/decision.hpp>
#include <hotslot/stats/snapshot.hpp>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <limits>
#include <type_traits>

namespace hotslot {

/// What is known of one queue when its policy is asked. Times are those of the queue's clock.
struct scaling_input {
  std::chrono::nanoseconds now{};
  queue_snapshot queue;
  /// The earliest deadline of a waiting call; the maximum where none has one.
  std::chrono::nanoseconds next_deadline = std::chrono::nanoseconds::max();
  resources taken = {}, total = {}; ///< Of the resource tracker; 0 without one, which must not be asked.
  std::uint64_t min_idle = 0;
  std::uint64_t max_workers = std::numeric_limits<std::uint64_t>::max();

  std::uint64_t waiting() const noexcept { return queue.count(queue_state::waiter); }
  std::uint64_t starting() const noexcept { return queue.count(queue_state::starter); }
  std::uint64_t reserving() const noexcept { return queue.resource_waiters; }
  std::uint64_t workers() const noexcept { return queue.idle + queue.busy; }
};

/// What a policy decided, and why.
struct scaling_decision {
  std::uint64_t start = 0; ///< Workers to start now, beside those under way.
  std::uint64_t eject = 0; ///< Idle workers to end now, oldest first.
  decision_reason reason;
  /// When the policy is to be asked again at the latest; it is asked earlier when something happens.
  std::chrono::nanoseconds again = std::chrono::nanoseconds::max();
  /// It is also asked when a caller leaves fewer idle than so many.
  std::uint64_t again_below = 0;
};

/// A policy: a function of its input and of what it remembers of earlier ones. It is called under the queue's
/// lock: it must be quick, must not throw and must not use queues or trackers. Its copies have memories of
/// their own.
template <class P>
concept scaling_rule =
    std::copy_constructible<P> && std::is_invocable_r_v<scaling_decision, P&, const scaling_input&>;

/// Any policy.
using scaling_policy = std::function<scaling_decision(const scaling_input&)>;

} // namespace hotslot

#endif
