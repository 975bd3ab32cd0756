// Where the stats routes have their numbers from.
#ifndef HOTSLOT_HTTP_STATS_SOURCE_HPP
#define HOTSLOT_HTTP_STATS_SOURCE_HPP

#include <hotslot/stats/queue_detail.hpp>
#include <hotslot/stats/snapshot.hpp>

#include <functional>
#include <optional>
#include <string_view>

namespace hotslot::http {

/// Called on the thread that answers a request, or on that of `stats_options::renderer`, once per use, by
/// several at once where several answer. What a callable throws goes through to the caller of the routes.
struct stats_source {
  /// All queues, now. Keys have to be unique. Never empty.
  std::function<pool_snapshot()> pool;
  /// One queue with everything about it; nothing where there is no queue of that key. Absent: /stats/{key}
  /// shows what `pool` and `histograms` know.
  std::function<std::optional<queue_detail>(std::string_view key)> detail = {};
  /// The latencies of one queue. Absent: /metrics has no histograms.
  std::function<std::optional<queue_histograms>(std::string_view key)> histograms = {};
};

} // namespace hotslot::http

#endif
