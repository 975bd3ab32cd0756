// The way to the end: asked for, then everything in its order.
#pragma once

#include "admin.hpp"
#include "listener.hpp"
#include "server_parts.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/signal_set.hpp>

#include <atomic>
#include <functional>
#include <string>

namespace hotslot::daemon {

/// Whatever asks for the end is one message in a channel, of which the first counts.
///
/// Thread safety: `ask` and `draining` are safe; the coroutines run on `control`, a strand. Lifetime: all
/// that it is made of outlives it.
class shutdown {
 public:
  shutdown(const asio::any_io_executor& control, server_parts& parts, listener& calls, listener& admin);

  /// Any number of times.
  void ask(const std::string& cause) { asked_.try_send(error_code(), cause); }
  bool draining() const noexcept { return draining_.load(); }

  /// From the start to the end: waits until it is asked, calls `begun`, then drains the calling address, the
  /// detached calls, after them the admin address, which waits only for calls of its own, and closes the
  /// rest. What is left then are the workers, and the context ends with the last of them.
  asio::awaitable<void> run(const admin& operations, std::function<void()> begun);

  /// SIGTERM and SIGINT ask for the end; once they have, another one cuts what still runs.
  asio::awaitable<void> obey_signals();

 private:
  void begin(const std::string& cause, std::chrono::seconds grace);
  void cut();

  server_parts& parts_;
  listener& calls_;
  listener& admin_;
  asio::experimental::concurrent_channel<void(error_code, std::string)> asked_;
  asio::signal_set signals_;
  std::atomic<bool> draining_{false};
  bool ended_ = false;
};

} // namespace hotslot::daemon
