// Stats as GET /metrics answers them: the Prometheus text format 0.0.4 and OpenMetrics 1.0.
#ifndef HOTSLOT_HTTP_STATS_METRICS_HPP
#define HOTSLOT_HTTP_STATS_METRICS_HPP

#include <hotslot/http/metric_family.hpp>
#include <hotslot/http/stats_source.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace hotslot::http {

/// How metrics are written.
enum class metrics_format {
  prometheus,  ///< Text format 0.0.4.
  openmetrics, ///< OpenMetrics 1.0.
};

/// The Content-Type of that.
std::string_view content_type(metrics_format format) noexcept;

/// What `render_metrics` writes, beside the snapshot.
struct metrics_options {
  metrics_format format = metrics_format::prometheus;
  /// Of the build info.
  std::string_view version = {};
  /// Behind those of the queues.
  std::span<const metric_family> more = {};
};

class series_book;

/// Which queues have series of their own, from one rendering to the next, so that no counter falls. A queue
/// that has them keeps them, but for what has to make room for one whose starts fail; the counts of the
/// others are summed as they grow, under app, fn and key "other". What counted there before it had series of
/// its own counts there still: rates may be summed, totals not.
///
/// Thread safety: a shared object is safe.
class metric_keys {
 public:
  /// So many queues have series of their own at most.
  explicit metric_keys(std::size_t most = 1000);
  ~metric_keys();
  metric_keys(const metric_keys&) = delete;
  metric_keys& operator=(const metric_keys&) = delete;

 private:
  friend std::string render_metrics(pool_snapshot pool, const decltype(stats_source::histograms)& histograms,
                                    metric_keys& keys, const metrics_options& options);

  std::unique_ptr<series_book> book_;
};

/// Every queue's series, labelled by app, fn and key. `histograms` may be empty. Of "other" there are no
/// averages.
///
/// Precondition: keys are unique within the snapshot.
/// Histograms count a latency under the first bound that is not less than the upper end of its bucket in
/// `latency_histogram`: at most 12.5 % too high, never too low. A histogram that has nothing is left out.
std::string render_metrics(pool_snapshot pool, const decltype(stats_source::histograms)& histograms,
                           metric_keys& keys, const metrics_options& options);

} // namespace hotslot::http

#endif
