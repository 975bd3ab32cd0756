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

/// `key=`, `app=`: only those queues. `match=` (text that a name, key, id or trigger has): of them, only
/// those are shown. `top=N`: the first N, in the order of `by=`, by need where that is absent; alone it
/// orders all. `with=waits`: with the percentiles of their waits.
class stats_query {
 public:
  /// Throws `bad_query`. Parameters of other names are ignored.
  static stats_query parse(std::string_view query);

  struct selection {
    std::size_t shown = 0;                 ///< So many of the first.
    std::optional<std::size_t> matching{}; ///< So many have the text, where one was given.
  };

  /// Leaves the queues that are asked for, those that have the text in front, those that come first before
  /// others. Stable.
  selection apply(pool_snapshot& pool) const;
  bool with_waits() const noexcept { return with_waits_; }
  /// The same for all queries that mean the same.
  std::string canonical() const;

 private:
  using order = std::function<bool(const named_queue_snapshot&, const named_queue_snapshot&)>;
  static order order_of(std::string_view name);
  bool is_asked_for(const named_queue_snapshot& q) const;
  bool matches(const named_queue_snapshot& q) const;

  std::optional<std::string> key_;
  std::optional<std::string> app_;
  std::optional<std::string> match_;
  std::size_t top_ = all_queues;
  bool with_waits_ = false;
  order by_;            ///< Empty: in the order that they are in.
  std::string by_name_; ///< Of that.
};

/// `interval_ms=` of GET /stats/stream, 100 to 60000, 1000 where it is not said. Throws `bad_query`.
std::chrono::milliseconds parse_interval(std::string_view query);

} // namespace hotslot::http
