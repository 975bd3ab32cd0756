// What the stats of a server say, as far as it is shown.
#pragma once

#include <boost/json/object.hpp>

#include <chrono>
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
  std::uint64_t failed = 0; ///< That got none, and starts that failed.
  struct percentiles {
    double p50 = 0, p90 = 0, p99 = 0;
  };
  std::optional<percentiles> wait_ms = {}; ///< Where it was asked for.
  std::string trouble;                     ///< Why its last start failed, if it did.
  bool breaker_open = false;
};

struct pool_view {
  function_view totals; ///< Without a name.
  std::vector<function_view> functions;
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

/// Those that need a look come first: breakers that are open, starts that fail, calls that wait; then the
/// busiest.
void sort_by_need(std::vector<function_view>& functions);

} // namespace hotslot::ctl
