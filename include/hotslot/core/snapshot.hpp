// What the stats of a queue, and of many, look like at one instant. Plain values.
#ifndef HOTSLOT_CORE_SNAPSHOT_HPP
#define HOTSLOT_CORE_SNAPSHOT_HPP

#include <hotslot/core/queue_event.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace hotslot {

/// The seed's three counted states.
enum class queue_state : std::uint8_t {
  runner,  ///< A worker that runs a call.
  starter, ///< A worker that is being started.
  waiter,  ///< A call that waits for a slot.
};

inline constexpr std::size_t queue_state_count = 3;

/// Counts since the queue was made; none ever decreases.
struct queue_totals {
  std::uint64_t acquired = 0;          ///< Slots handed to callers.
  std::uint64_t timed_out = 0;         ///< Waits ended by their deadline.
  std::uint64_t cancelled = 0;         ///< Waits ended by their caller.
  std::uint64_t shed = 0;              ///< Waits refused: queue full.
  std::uint64_t failed = 0;            ///< Waits ended by a failed launch.
  std::uint64_t launched = 0;          ///< Workers started.
  std::uint64_t launch_failed = 0;     ///< Starts that failed.
  std::uint64_t ejected_idle = 0;      ///< Slots closed: idle too long.
  std::uint64_t ejected_gone = 0;      ///< Slots closed: the worker went away by itself.
  std::uint64_t ejected_dirty = 0;     ///< Slots closed: discarded by their caller.
  std::uint64_t ejected_requested = 0; ///< Slots closed: ejected through their token.
  std::uint64_t ejected_closed = 0;    ///< Slots closed: with their queue.
};

void count_ejection(queue_totals& totals, eject_reason why) noexcept;

/// One queue at one instant, consistent in itself.
struct queue_snapshot {
  /// Indexed by `queue_state`.
  std::array<std::uint64_t, queue_state_count> states{};
  /// Exponentially weighted averages, indexed by `queue_state`.
  std::array<std::chrono::nanoseconds, queue_state_count> latencies{};
  std::uint64_t idle = 0;             ///< Workers whose slot is free.
  std::uint64_t busy = 0;             ///< Workers whose slot is granted, offered or leased.
  std::uint64_t resource_waiters = 0; ///< Starts that wait for memory or processor time.
  queue_totals totals;

  std::uint64_t count(queue_state s) const noexcept { return states[static_cast<std::size_t>(s)]; }
  std::chrono::nanoseconds latency(queue_state s) const noexcept {
    return latencies[static_cast<std::size_t>(s)];
  }
};

/// A queue with the names that people know it by.
struct named_queue_snapshot {
  std::string key; ///< The slot key in hex.
  std::string app;
  std::string name;
  std::string trigger;
  std::string id; ///< The function's id; empty where the queue is not a function's.
  queue_snapshot queue;
};

/// Everything that a stats page shows.
struct pool_snapshot {
  std::vector<named_queue_snapshot> queues;
};

/// Adds the counters of `b` to `a`; latencies are left out.
void accumulate(queue_snapshot& a, const queue_snapshot& b) noexcept;

} // namespace hotslot

#endif
