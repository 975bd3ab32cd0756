// Which queues have series of their own in /metrics.
#pragma once

#include "metrics_writer.hpp"

#include <hotslot/stats/latency_histogram.hpp>
#include <hotslot/stats/snapshot.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace hotslot::http {

/// All that /metrics counts of a queue, or of several together. What only some queues have is absent where
/// none has it. Of a thousand queues, 10 MB less than their histograms.
struct queue_counts {
  queue_totals totals;
  std::optional<detached_counts> detached;
  std::optional<std::uint64_t> rate_limited;
  std::array<bounded_latencies, wait_cause_count> waits;
  bounded_latencies runs;
  bounded_latencies starts;
  std::uint64_t immediate = 0;

  queue_counts() = default;
  explicit queue_counts(const named_queue_snapshot& q, const std::optional<queue_histograms>& h = {});

  /// Adds what a queue has counted between two sights of it. Where something fell, there is another queue of
  /// that name. `waiting` and `running` are no counts.
  void add_growth(const queue_counts& from, const queue_counts& to);
};

/// A queue that has series of its own keeps them as long as it is there, but for what has to make room: there
/// are never more than so many, and those whose starts fail come first. The counts of the others are summed
/// as they grow, so that the sums never fall, whichever queues come, go or change places. Thread-safe.
class series_book {
 public:
  explicit series_book(std::size_t most)
    : most_(most) {}

  struct division {
    std::vector<queue_counts> own;      ///< Of the queues in front.
    std::optional<queue_counts> others; ///< Of those behind, those included that were among them.
  };

  /// Puts the queues with series of their own in front. `count` is called once for each.
  division divide(std::vector<named_queue_snapshot>& queues,
                  const std::function<queue_counts(const named_queue_snapshot&)>& count);

 private:
  void rank(std::vector<named_queue_snapshot>& queues) const;
  std::optional<queue_counts>
  count_others(std::span<const named_queue_snapshot> others,
               const std::function<queue_counts(const named_queue_snapshot&)>& count);

  const std::size_t most_;
  std::mutex mutex_;
  std::unordered_set<std::string> own_;
  std::unordered_map<std::string, queue_counts> seen_; ///< The others, as they were.
  queue_counts others_;
  bool has_others_ = false; ///< There have been some.
};

} // namespace hotslot::http
