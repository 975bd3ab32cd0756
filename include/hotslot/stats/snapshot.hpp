// What the stats of a queue, and of many, look like at one instant. Plain values.
#ifndef HOTSLOT_STATS_SNAPSHOT_HPP
#define HOTSLOT_STATS_SNAPSHOT_HPP

#include <hotslot/stats/latency_histogram.hpp>
#include <hotslot/stats/queue_event.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace hotslot {

/// Fn's three counted states.
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
  std::uint64_t shed_overloaded = 0;   ///< Waits ended: too long, in a queue that only grows.
  std::uint64_t shed_late = 0;         ///< Waits refused: their deadline could not have been met.
  std::uint64_t failed = 0;            ///< Waits ended by a failed launch.
  std::uint64_t launched = 0;          ///< Workers started.
  std::uint64_t launch_failed = 0;     ///< Starts that failed.
  std::uint64_t ejected_idle = 0;      ///< Slots closed: idle too long.
  std::uint64_t ejected_gone = 0;      ///< Slots closed: the worker went away by itself.
  std::uint64_t ejected_dirty = 0;     ///< Slots closed: discarded by their caller.
  std::uint64_t ejected_requested = 0; ///< Slots closed: ejected through their token.
  std::uint64_t ejected_closed = 0;    ///< Slots closed: with their queue.
  std::uint64_t ejected_aged = 0;      ///< Slots closed: their workers were too old.
  std::uint64_t ejected_worn = 0;      ///< Slots closed: they had served enough calls.
  std::uint64_t ejected_recycled = 0;  ///< Slots closed: to be replaced, on request.
  std::uint64_t ejected_surplus = 0;   ///< Slots closed: more than the scaling policy wants.
  std::uint64_t ejected_evicted = 0;   ///< Slots closed: for another queue's need.
  std::uint64_t ejected_unfit = 0;     ///< Slots closed: their validation, reset or keepalive failed.
  std::uint64_t detached_slots = 0;    ///< Slots that their callers have taken out of the queue.
  std::uint64_t leaked = 0;            ///< Leases that were out for too long, where that is looked at.
};

/// One more that left so.
void count_ejection(queue_totals& totals, eject_reason why) noexcept;

/// One queue at one instant, consistent in itself.
struct queue_snapshot {
  /// Indexed by `queue_state`.
  std::array<std::uint64_t, queue_state_count> states{};
  /// Exponentially weighted averages, indexed by `queue_state`.
  std::array<std::chrono::nanoseconds, queue_state_count> latencies{};
  std::uint64_t idle = 0;             ///< Workers whose slot is free.
  std::uint64_t busy = 0;             ///< Workers whose slot is granted, offered or leased.
  std::uint64_t validating = 0;       ///< Workers that are looked at before somebody gets them.
  std::uint64_t resetting = 0;        ///< Workers that are made fit for the next call.
  std::uint64_t pinged = 0;           ///< Idle workers that are just kept alive.
  std::uint64_t resource_waiters = 0; ///< Starts that wait for memory or processor time.
  /// Of the queue's launcher; the greatest number where it has none, or without a bound.
  std::uint64_t max_workers = std::numeric_limits<std::uint64_t>::max();
  bool suspended = false; ///< Nobody gets a slot until the queue is resumed.
  queue_totals totals;

  /// How many are in that state.
  std::uint64_t count(queue_state s) const noexcept { return states[static_cast<std::size_t>(s)]; }
  /// The average time spent in it; 0: not known.
  std::chrono::nanoseconds latency(queue_state s) const noexcept {
    return latencies[static_cast<std::size_t>(s)];
  }
};

/// A start that failed, and what the launcher does about it.
struct failure_view {
  std::chrono::nanoseconds ago{};
  std::string message;
  std::uint32_t in_a_row = 0;
  std::chrono::nanoseconds retry_in{}; ///< Zero where it may be tried now.
  bool breaker_open = false;           ///< Calls that find no worker are refused at once.
};

/// Calls of one function that were accepted to be run later.
struct detached_counts {
  std::uint64_t waiting = 0;
  std::uint64_t running = 0;
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0; ///< There was no room for them.
  std::uint64_t succeeded = 0;
  std::uint64_t failed = 0;
  std::uint64_t lost = 0; ///< The server ended before they did.
};

/// Calls that had a worker and failed on it, by whatever whoever has the queue calls a failure; but not those
/// whose callers went.
struct call_failures {
  std::uint64_t total = 0;
  std::uint64_t in_a_row = 0; ///< Up to now.
};

/// What became of the spans of a trace.
struct span_counts {
  std::uint64_t queued = 0;
  std::uint64_t exported = 0;
  std::uint64_t dropped = 0; ///< The queue was full, or the collector refused them.
};

/// A queue with the names that people know it by.
struct named_queue_snapshot {
  std::string key; ///< The slot key in hex.
  std::string app;
  std::string name;
  std::string trigger;
  std::string id; ///< The function's id; empty where the queue is not a function's.
  queue_snapshot queue;
  std::optional<failure_view> failure = {}; ///< The last start's, if it failed and none has succeeded since.
  std::optional<call_failures> failed_calls = {};      ///< Where somebody counts them.
  std::shared_ptr<const latency_histogram> waits = {}; ///< `all_waits`; null where nobody has asked for it.
  std::optional<detached_counts> detached = {};        ///< Of a function that takes such calls.
  std::optional<std::uint64_t> rate_limited =
      {}; ///< Calls refused by a rate limit; of a function that has one.
};

/// How a queue fares, what is best first.
enum class queue_condition : std::uint8_t {
  resting,      ///< It has nothing to do.
  serving,      ///< Calls run, or wait for a worker that is idle.
  starting,     ///< A worker is on its way.
  waiting,      ///< Calls wait, and no worker is idle.
  calls_fail,   ///< So did the last five that had a worker, or more.
  failing,      ///< The last start failed.
  breaker_open, ///< The same, and calls that find no worker are refused at once.
};

/// Calls that got no slot, but for those whose callers went, and those that failed: what pages, orders and
/// alerts call errors.
std::uint64_t errors_in(const named_queue_snapshot& q) noexcept;

/// By its failures, its callers and its workers at that instant.
queue_condition condition_of(const named_queue_snapshot& q) noexcept;

/// Whether somebody should look at `a` before `b`: by condition, then by the calls that wait, then by those
/// that are run or were. A strict weak order.
bool needs_more(const named_queue_snapshot& a, const named_queue_snapshot& b) noexcept;

/// Everything that a stats page shows.
struct pool_snapshot {
  std::vector<named_queue_snapshot> queues;
  std::optional<span_counts> spans = {}; ///< Of a server that exports them.
};

/// Adds the counters of `b` to `a`; latencies are left out.
void accumulate(queue_snapshot& a, const queue_snapshot& b) noexcept;

} // namespace hotslot

#endif
