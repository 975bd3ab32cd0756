// The way to the end: asked for, then everything in its order.
#pragma once

#include "admin.hpp"
#include "listeners.hpp"
#include "server_parts.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <string>

namespace hotslot::daemon {

/// Whatever asks for the end is one message in a channel, of which the first counts.
///
/// Thread safety: `ask` and `draining` are safe; the coroutines run on `control`, a strand. Lifetime: all
/// that it is made of outlives it.
class shutdown {
 public:
  shutdown(const asio::any_io_executor& control, server_parts& parts, listeners& calls, listeners& admin);

  /// Any number of times.
  void ask(const std::string& cause) { asked_.try_send(error_code(), cause); }
  bool draining() const noexcept { return draining_.load(); }

  /// From the start to the end: waits until it is asked, calls `begun`, goes on for drain_delay_s, then
  /// drains the calling address, the calls of the admin address, the detached calls, after them the admin
  /// address, closes the rest, and waits for the workers. What is left then are the workers, and the context
  /// ends with the last of them.
  asio::awaitable<void> run(admin& operations, std::function<void()> begun);

  /// SIGTERM and SIGINT ask for the end; once they have, another one, at any time, cuts what still
  /// runs, and ends the grace of workers that are to end.
  asio::awaitable<void> obey_signals();

 private:
  void begin(const std::string& cause, std::chrono::seconds delay, std::chrono::seconds grace);
  asio::awaitable<void> let_others_notice(std::chrono::seconds delay);
  void cut();

  server_parts& parts_;
  listeners& calls_;
  listeners& admin_;
  asio::experimental::concurrent_channel<void(error_code, std::string)> asked_;
  asio::steady_timer delay_;
  asio::signal_set signals_;
  std::atomic<bool> draining_{false};
  bool ended_ = false;
  bool cut_ = false;
};

} // namespace hotslot::daemon
