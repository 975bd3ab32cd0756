// Leases that are out for too long.
#ifndef HOTSLOT_LEAK_DETECTION_HPP
#define HOTSLOT_LEAK_DETECTION_HPP

#include <chrono>
#include <cstdint>
#include <functional>
#include <source_location>

namespace hotslot {

/// A lease that has been out for longer than leases should be.
struct leaked_lease {
  std::uint64_t offer = 0; ///< Its `id()`.
  std::chrono::nanoseconds age{};
  std::source_location where; ///< Of the call that acquired it.
};

/// How leaks are looked for; see `basic_slot_queue::set_leak_detection`.
struct leak_detection {
  std::chrono::nanoseconds leak_after = std::chrono::minutes(1);
  /// Told once of each lease that is out for that long, up to a second later; on the queue's executor,
  /// without a lock, perhaps on several threads at once. It may use the queue, and does not throw. It lives
  /// as long as the queue, so it must not hold a handle on it. May be empty.
  std::function<void(const leaked_lease&)> on_leak = {};
};

} // namespace hotslot

#endif
