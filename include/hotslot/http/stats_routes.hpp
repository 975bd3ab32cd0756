// The stats endpoints as a pure function of a request, for any Beast server and under any prefix.
#ifndef HOTSLOT_HTTP_STATS_ROUTES_HPP
#define HOTSLOT_HTTP_STATS_ROUTES_HPP

#include <hotslot/http/message.hpp>
#include <hotslot/http/stats_metrics.hpp>
#include <hotslot/http/stats_source.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hotslot::http {

/// What the routes are beside their source.
struct stats_options {
  /// Where the routes are mounted: empty, or "/some/path" without a slash at its end.
  std::string prefix = {};
  /// Whether new calls are taken; /readyz is 503 otherwise. Absent: always ready.
  std::function<bool()> ready = {};
  /// What /version and the build info say. Empty: the library's own version.
  std::string version = {};
  /// So many queues have series of their own in /metrics; the others are summed: see `metric_keys`.
  std::size_t max_metric_keys = 1000;
  /// So many readers may follow a stream at a time, of so many different queries and intervals; more get 503.
  std::size_t max_streams = 100;
  std::size_t max_stream_queries = 16;
  /// Where documents of queues and metrics are made, by a server: the callables of the source are called
  /// there. Absent: on the connection's executor, which that may hold up for milliseconds where there are
  /// thousands of queues. Outlives the server.
  std::optional<boost::asio::any_io_executor> renderer = {};
  /// What else /metrics has. Called, as `ready`, for each request for it.
  std::function<std::vector<metric_family>()> more_metrics = {};
};

/// GET and HEAD on / (a live page for people), /stats, /stats/stream, /stats/{key}, /metrics, /healthz,
/// /readyz and /version; docs/stats.md says what they answer. Of the stream there is one event, after which a
/// browser asks again by itself; a stream without an end needs a server, see `make_stats_handler`.
///
/// Errors are JSON, `{"message": …}`: 404 for other paths and unknown keys, 405 (with Allow) for other
/// methods, 400 for a query that cannot be understood. Does no I/O, and keeps nothing but which queues have
/// series of their own, which copies share: `handle` may be called from several threads at once where the
/// callables of the source and `ready` may. What these throw goes through to the caller.
class stats_routes {
 public:
  /// Answers with what `source` says at each request.
  explicit stats_routes(stats_source source, stats_options options = {});

  /// Whether `target` is the prefix or lies under it.
  bool owns(std::string_view target) const noexcept;

  /// Answers a request. The answer to HEAD has its Content-Length and an empty body.
  response handle(const request& req) const;

  const stats_options& options() const noexcept { return options_; }

  /// Whether it takes time to answer it: what has to do with queues.
  bool is_costly(const request& req) const noexcept;

  /// Whether `req` asks for the stream by GET or HEAD.
  bool is_stream(const request& req) const noexcept;

  /// One event of the stream: what `GET /stats` with this query answers. Throws what the source throws, and
  /// `std::invalid_argument` for a query that cannot be understood.
  std::string event(std::string_view query) const;

 private:
  std::string_view route_of(std::string_view target) const noexcept;
  bool is_mount(std::string_view target) const noexcept;
  response to_page(std::string_view target) const;
  response get(const request& req, std::string_view route) const;
  std::string render_pool(std::string_view query) const;
  void add_waits(pool_snapshot& to, std::size_t shown) const;
  response pool(std::string_view query) const;
  response stream(std::string_view query) const;
  response queue(std::string_view key) const;
  std::optional<queue_detail> find(std::string_view key) const;
  response metrics(const request& req) const;
  response readiness() const;
  response version() const;

  stats_source source_;
  stats_options options_;
  std::shared_ptr<metric_keys> metric_keys_;
};

} // namespace hotslot::http

#endif
