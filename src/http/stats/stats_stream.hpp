// GET /stats/stream: server-sent events to any number of readers.
#pragma once

#include <hotslot/http/exchange.hpp>
#include <hotslot/http/stats_routes.hpp>

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace hotslot::http {

/// An event, made once for all readers of the same query and time. Thread-safe.
class stats_events {
 public:
  using clock = std::chrono::steady_clock;
  using event = std::shared_ptr<const std::string>;

  explicit stats_events(std::shared_ptr<const stats_routes> routes)
    : routes_(std::move(routes)) {}

  /// The event of the interval that `now` lies in.
  event at(clock::time_point now, clock::duration interval, const std::string& query);

 private:
  struct made_event {
    clock::time_point until; ///< The end of its interval.
    event text;
  };

  const std::shared_ptr<const stats_routes> routes_;
  std::mutex mutex_;
  std::map<std::string, made_event> made_; ///< By query.
};

class stats_stream {
 public:
  explicit stats_stream(std::shared_ptr<const stats_routes> routes)
    : events_(std::move(routes)) {}

  /// Precondition: `stats_routes::is_stream(req)`. `req` lives until the awaitable completes.
  boost::asio::awaitable<response> serve(const request& req, exchange& ex);

 private:
  boost::asio::awaitable<void> write_events(exchange& ex, std::string query,
                                            std::chrono::milliseconds interval);

  stats_events events_;
};

} // namespace hotslot::http
