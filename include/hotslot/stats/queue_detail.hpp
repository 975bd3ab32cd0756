// Everything that is known of one queue at one instant. Plain values.
#ifndef HOTSLOT_STATS_QUEUE_DETAIL_HPP
#define HOTSLOT_STATS_QUEUE_DETAIL_HPP

#include <hotslot/leak_detection.hpp>
#include <hotslot/stats/decision.hpp>
#include <hotslot/stats/latency_histogram.hpp>
#include <hotslot/stats/snapshot.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace hotslot {

/// One worker, from the time its slot is queued.
struct worker_view {
  /// What it does now.
  enum class state_type : std::uint8_t { idle, paused, busy };

  std::uint64_t id = 0; ///< Of its launcher, in the order of their starts.
  state_type state = state_type::idle;
  std::chrono::nanoseconds age{};
  std::chrono::nanoseconds idle_for{}; ///< Zero while it is busy.
  std::uint64_t calls = 0;
};

/// One queue with its launcher: what `/stats/{key}` shows.
struct queue_detail {
  named_queue_snapshot queue;
  queue_histograms histograms;
  std::string policy;                   ///< By its name in the configuration.
  std::vector<decision_view> decisions; ///< Oldest first.
  std::vector<worker_view> workers;
  std::vector<failure_view> failures; ///< The last one, if no start has succeeded since; else empty.
  std::vector<leaked_lease> leaks;    ///< `basic_slot_queue::leaks`.
};

} // namespace hotslot

#endif
