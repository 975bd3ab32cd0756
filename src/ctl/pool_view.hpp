// What the stats of a server say, as far as it is shown.
#pragma once

#include <boost/json/object.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hotslot::ctl {

/// Texts are as the server sent them.
struct function_view {
  std::string name; ///< APP/FN.
  std::string id;
  std::string key;
  std::string trigger; ///< As a path.
  std::uint64_t waiting = 0;
  std::uint64_t starting = 0;
  std::uint64_t idle = 0;
  std::uint64_t busy = 0;
  std::uint64_t calls = 0;  ///< That got a worker.
  std::uint64_t errors = 0; ///< Those that failed, or got none.
  struct percentiles {
    double p50 = 0, p90 = 0, p99 = 0;
  };
  std::optional<percentiles> wait_ms = {}; ///< Where it was asked for.
  std::string condition;                   ///< How it fares, in words.
  std::string trouble;                     ///< Why its last start failed, if it did; or how many calls did.
};

struct pool_view {
  function_view totals;                  ///< Without a name.
  std::size_t queues = 0;                ///< Those that there are.
  std::optional<std::size_t> matching{}; ///< Those that have the text that was asked for.
  std::vector<function_view> functions;  ///< As far as they were asked for, in the server's order.

  /// How many would be shown if there was room for all.
  std::size_t all() const noexcept { return std::max(matching.value_or(queues), functions.size()); }
};

/// A document of /stats. What is absent in it counts as nothing, so that older and newer servers are
/// understood. Throws `failure` (unreachable) where it is no such document.
pool_view parse_pool(std::string_view json);

/// Any JSON document that is an object. Throws as `parse_pool`.
boost::json::object parse_object(std::string_view json);

/// Calls a second, between the last two views of each function.
class call_rates {
 public:
  using clock = std::chrono::steady_clock;

  void add(const pool_view& view, clock::time_point at);
  /// Nothing where it was seen only once, or has begun anew since.
  std::optional<double> of(const std::string& name) const;

 private:
  struct seen {
    std::uint64_t calls = 0;
    std::optional<double> rate = {};
  };

  clock::time_point at_{};
  std::map<std::string, seen> seen_;
};

} // namespace hotslot::ctl
