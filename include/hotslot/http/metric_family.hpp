// Metrics of a program's own, beside those of its queues.
#ifndef HOTSLOT_HTTP_METRIC_FAMILY_HPP
#define HOTSLOT_HTTP_METRIC_FAMILY_HPP

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace hotslot::http {

/// What Prometheus is told that it is.
enum class metric_kind {
  counter, ///< Never falls.
  gauge,
};

/// One value of a family.
struct metric_sample {
  std::vector<std::pair<std::string, std::string>> labels; ///< Names and values; may be empty.
  std::variant<std::uint64_t, std::chrono::nanoseconds> value =
      std::uint64_t{0}; ///< A time is written in seconds.
};

/// What has one name. Preconditions: the name and those of labels are such as Prometheus allows; no other
/// family has the name, and no other sample of the family its labels.
struct metric_family {
  std::string name; ///< Without the "_total" that /metrics puts behind that of a counter.
  std::string help; ///< A sentence, on one line.
  std::vector<metric_sample> samples = {};
  metric_kind kind = metric_kind::counter;
};

} // namespace hotslot::http

#endif
