// The stats endpoints as a pure function of a request, for any Beast server and under any prefix.
#ifndef HOTSLOT_HTTP_STATS_ROUTES_HPP
#define HOTSLOT_HTTP_STATS_ROUTES_HPP

#include <hotslot/core/snapshot.hpp>
#include <hotslot/http/message.hpp>

#include <functional>
#include <string>
#include <string_view>

namespace hotslot::http {

/// Yields the state of things now. Called once per /stats and /metrics, on the thread that calls `handle`.
using snapshot_source = std::function<pool_snapshot()>;

struct stats_options {
  /// Where the routes are mounted: empty, or "/some/path" without a slash at its end.
  std::string prefix;
  /// Whether new calls are taken; /readyz is 503 otherwise. Absent: always ready.
  std::function<bool()> ready;
  /// What /version and the build info say. Empty: the library's own version.
  std::string version;
};

/// GET and HEAD on /stats, /metrics, /healthz, /readyz and /version.
///
/// Errors are JSON, `{"message": …}`: 404 for other paths, 405 (with Allow) for other methods. Does no I/O
/// and keeps no state: `handle` may be called from several threads at once where `source` and `ready` may.
/// What these throw goes through to the caller.
class stats_routes {
 public:
  explicit stats_routes(snapshot_source source, stats_options options = {});

  /// Whether `target` lies under the prefix.
  bool owns(std::string_view target) const noexcept;

  /// Answers a request. The answer to HEAD has its Content-Length and an empty body.
  response handle(const request& req) const;

 private:
  std::string_view route_of(std::string_view target) const noexcept;
  response get(std::string_view route) const;
  response readiness() const;
  response version() const;

  snapshot_source source_;
  stats_options options_;
};

} // namespace hotslot::http

#endif
