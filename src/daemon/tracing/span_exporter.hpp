// Sends spans to a collector, in batches, and never in the way of whoever hands them in.
#pragma once

#include "daemon/config/tracing_config.hpp"
#include "daemon/log/log.hpp"
#include "span.hpp"

#include <hotslot/stats/snapshot.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include <chrono>
#include <cstdint>
#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace hotslot::daemon {

namespace asio = boost::asio;

/// A bounded queue, and one coroutine that runs as long as there is something in it: it collects for a
/// second, then posts up to `batch` spans at a time, each on a connection of its own. A collector that cannot
/// be reached, or says that it is too busy, is tried again with a growing back-off, while what no longer fits
/// into the queue is dropped and counted; where it says when (`Retry-After`), then. What it refuses for good
/// is dropped too, be it a part of a batch. A collector's name is resolved for each batch, by Asio's thread
/// for that; the end of the server may wait for it.
///
/// Thread safety: `add` and `counts` are safe. Lifetime: outlives the context's run.
class span_exporter {
 public:
  span_exporter(asio::any_io_executor executor, const tracing_config& config, const logger& log);
  span_exporter(const span_exporter&) = delete;
  span_exporter& operator=(const span_exporter&) = delete;

  /// All of them, or none where they do not fit. Cost: one mutex.
  void add(std::vector<span> spans);

  span_counts counts() const;

  /// Sends what there is, for at most `limit`, and gives up the rest. Nothing may be added any more.
  asio::awaitable<void> async_drain(std::chrono::steady_clock::duration limit);

 private:
  static constexpr std::size_t batch = 512;

  enum class outcome { sent, again, refused };
  using clock = std::chrono::steady_clock;

  asio::awaitable<void> run();
  asio::awaitable<void> drain(clock::duration limit);
  asio::awaitable<void> collect();
  void finished(const std::exception_ptr& error);
  asio::awaitable<void> pause(clock::duration time);
  asio::awaitable<outcome> post_batch();
  asio::awaitable<void> connect();
  asio::awaitable<outcome> exchange();
  outcome judge(const boost::beast::http::response<boost::beast::http::string_body>& reply);
  bool take_batch();
  void settle(outcome result);
  outcome told(outcome result, const std::string& why);
  void tell_of_rejected(const std::string& why);
  void give_up();

  const tracing_config config_;
  const logger& log_;
  const asio::strand<asio::any_io_executor> strand_;

  mutable std::mutex mutex_;
  std::vector<span> queue_;
  bool running_ = false;
  span_counts counts_;

  // On the strand.
  std::vector<span> batch_;
  std::size_t rejected_ = 0;                        ///< Of the batch.
  std::optional<std::chrono::seconds> retry_after_; ///< As the collector asked for.
  asio::steady_timer timer_;
  asio::steady_timer ended_; ///< Waited on by `drain`, cancelled when the coroutine ends.
  asio::ip::tcp::resolver resolver_;
  boost::beast::tcp_stream stream_;
  bool draining_ = false;
  bool gave_up_ = false;
  bool failing_ = false;
  bool rejecting_ = false;
};

} // namespace hotslot::daemon
