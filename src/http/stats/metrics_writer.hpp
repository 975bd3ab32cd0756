// Writing metric families in either format, line by line.
#pragma once

#include <hotslot/http/stats_metrics.hpp>
#include <hotslot/stats/latency_histogram.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace hotslot::http {

enum class metric_type { gauge, counter, histogram };

/// What /metrics has of a histogram: a fraction of its size.
struct bounded_latencies {
  static constexpr std::size_t bound_count = 15;

  bounded_latencies() = default;
  explicit bounded_latencies(const latency_histogram& h) noexcept;

  std::array<std::uint64_t, bound_count> below{}; ///< Not more than the bound of that index.
  std::uint64_t count = 0;
  std::chrono::nanoseconds sum{};
};

/// A family is declared, then its samples follow.
class metrics_writer {
 public:
  explicit metrics_writer(metrics_format format)
    : format_(format) {}

  /// `name` without the suffix of counters; one that ends in `_seconds` is in that unit.
  void declare(std::string_view name, metric_type type, std::string_view help);

  /// A sample of the family declared last. `labels` come in pieces, with what opens and separates them, but
  /// without the closing brace; none for a sample without labels.
  void sample(std::string_view labels, std::string_view more, std::uint64_t value);
  void sample(std::string_view labels, std::string_view more, std::chrono::nanoseconds value);

  /// All samples of one histogram. Precondition: `labels` is not empty.
  void histogram(std::string_view labels, std::string_view more, const bounded_latencies& h);

  /// For so many bytes more.
  void reserve(std::size_t bytes) { out_.reserve(out_.size() + bytes); }

  std::string finish() &&;

 private:
  void begin_sample(std::string_view labels, std::string_view more);
  void bucket(std::string_view labels, std::string_view more, std::string_view bound, std::uint64_t count);
  void line(std::string_view keyword, std::string_view text);

  const metrics_format format_;
  metric_type type_ = metric_type::gauge;
  std::string_view name_;
  std::string out_;
};

} // namespace hotslot::http
