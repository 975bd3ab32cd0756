// Stats as GET /metrics answers them: the Prometheus text format 0.0.4 and OpenMetrics 1.0.
#ifndef HOTSLOT_HTTP_STATS_METRICS_HPP
#define HOTSLOT_HTTP_STATS_METRICS_HPP

#include <hotslot/http/metric_family.hpp>
#include <hotslot/http/stats_source.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace hotslot::http {

enum class metrics_format {
  prometheus,  ///< Text format 0.0.4.
  openmetrics, ///< OpenMetrics 1.0.
};

std::string_view content_type(metrics_format format) noexcept;

struct metrics_options {
  metrics_format format = metrics_format::prometheus;
  /// Of the build info.
  std::string_view version = {};
  /// So many queues have series of their own: those that were acquired from most. The others are summed under
  /// app, fn and key "other", without averages.
  std::size_t max_keys = 1000;
  /// Behind those of the queues.
  std::span<const metric_family> more = {};
};

/// Every queue's series, labelled by app, fn and key. `histograms` may be empty.
///
/// Precondition: keys are unique within the snapshot.
/// Histograms count a latency under the first bound that is not less than the upper end of its bucket in
/// `latency_histogram`: at most 12.5 % too high, never too low. A histogram that has nothing is left out.
std::string render_metrics(pool_snapshot pool, const decltype(stats_source::histograms)& histograms,
                           const metrics_options& options);

} // namespace hotslot::http

#endif
