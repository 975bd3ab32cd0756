// GET /stats/stream: server-sent events to any number of readers.
#pragma once

#include <hotslot/http/exchange.hpp>
#include <hotslot/http/stats_routes.hpp>

#include "http/content/gzip.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace hotslot::http {

/// An event, plain and, where somebody asks for it, compressed. Thread-safe.
class stats_event {
 public:
  explicit stats_event(std::string text)
    : text_(std::move(text)) {}

  const std::string& text() const noexcept { return text_; }
  const gzip_piece& packed() const;

 private:
  const std::string text_;
  mutable std::once_flag once_;
  mutable std::optional<const gzip_piece> packed_;
};

/// An event, made once for all readers of the same kind of stream and time. Thread-safe.
class stats_events {
 public:
  using clock = std::chrono::steady_clock;
  using event = std::shared_ptr<const stats_event>;

  explicit stats_events(std::shared_ptr<const stats_routes> routes)
    : routes_(std::move(routes)) {}

  /// What readers of one query and interval have in common.
  struct kind {
    std::size_t readers = 0;
    std::mutex making{};
    clock::time_point until{}; ///< The end of the interval of `last`.
    event last{};
  };

  /// For as long as this is there. False where there are too many, or too many kinds. One call of `at` at a
  /// time.
  class reader {
   public:
    /// Throws `bad_query`.
    reader(stats_events& of, std::string_view query);
    ~reader();
    reader(const reader&) = delete;
    reader& operator=(const reader&) = delete;

    explicit operator bool() const noexcept { return kind_ != nullptr; }
    clock::duration interval() const noexcept { return interval_; }
    /// The event of the interval that `now` lies in.
    event at(clock::time_point now);

   private:
    stats_events& of_;
    std::string query_;
    clock::duration interval_;
    std::string name_;
    kind* kind_ = nullptr;
  };

 private:
  const std::shared_ptr<const stats_routes> routes_;
  std::mutex mutex_;
  std::map<std::string, kind> kinds_; ///< By query and interval, of those that somebody reads.
  std::size_t readers_ = 0;
};

class stats_stream {
 public:
  explicit stats_stream(std::shared_ptr<const stats_routes> routes)
    : routes_(std::move(routes))
    , events_(routes_) {}

  /// Precondition: `stats_routes::is_stream(req)`. `req` lives until the awaitable completes.
  boost::asio::awaitable<response> serve(const request& req, exchange& ex);

 private:
  boost::asio::awaitable<void> write_events(exchange& ex, stats_events::reader& reader, bool packed);
  boost::asio::awaitable<stats_events::event> make_event(stats_events::reader& reader, bool packed);

  const std::shared_ptr<const stats_routes> routes_;
  stats_events events_;
};

} // namespace hotslot::http
