// Metrics of a program's own, beside those of its queues.
#ifndef HOTSLOT_HTTP_METRIC_FAMILY_HPP
#define HOTSLOT_HTTP_METRIC_FAMILY_HPP

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace hotslot::http {

struct metric_sample {
  std::vector<std::pair<std::string, std::string>> labels; ///< Names and values; may be empty.
  std::uint64_t value = 0;
};

/// Counters of one name. Preconditions: the name and those of labels are such as Prometheus allows; no other
/// family has the name, and no other sample of the family its labels.
struct metric_family {
  std::string name; ///< Without the "_total" that /metrics puts behind it.
  std::string help; ///< A sentence, on one line.
  std::vector<metric_sample> samples = {};
};

} // namespace hotslot::http

#endif
