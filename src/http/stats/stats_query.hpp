// What the query of GET /stats asks for.
#pragma once

#include <hotslot/http/stats_json.hpp>
#include <hotslot/stats/snapshot.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace hotslot::http {

/// A query that cannot be understood; what() says why, for the caller to read.
struct bad_query : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

/// The text behind the target's first question mark.
std::string_view target_query(std::string_view target) noexcept;

/// Percent-decoded. Throws `bad_query` where an escape is malformed.
std::string decode_segment(std::string_view text);

/// `key=`, `app=`: only those queues. `top=N`: the first N, in the order of `by=`, which alone orders all.
/// `with=waits`: with the percentiles of their waits.
class stats_query {
 public:
  /// Throws `bad_query`. Parameters of other names are ignored.
  static stats_query parse(std::string_view query);

  /// Leaves the queues that are asked for, those that come first in front. Stable.
  void apply(pool_snapshot& pool) const;
  /// How many of them are to be shown.
  std::size_t shown() const noexcept { return top_; }
  bool with_waits() const noexcept { return with_waits_; }

 private:
  using measure = std::function<std::uint64_t(const queue_snapshot&)>;
  static measure measure_of(std::string_view name);

  std::optional<std::string> key_;
  std::optional<std::string> app_;
  std::size_t top_ = all_queues;
  bool with_waits_ = false;
  measure by_; ///< Empty: in the order that they are in.
};

/// `interval_ms=` of GET /stats/stream, 100 to 60000, 1000 where it is not said. Throws `bad_query`.
std::chrono::milliseconds parse_interval(std::string_view query);

} // namespace hotslot::http
