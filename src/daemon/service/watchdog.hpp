// Shows the service manager, again and again, that the server's threads still do something.
#pragma once

#include "service_manager.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

namespace hotslot::daemon {

/// Twice in the time that the manager waits; not at all where it does not.
///
/// Lifetime: until its executor's context has nothing to do any more. Thread safety: a shared object is safe.
class watchdog {
 public:
  watchdog(boost::asio::any_io_executor executor, const service_manager& manager);

  void start();
  void stop();

 private:
  boost::asio::awaitable<void> run(std::chrono::microseconds every);

  const service_manager& manager_;
  boost::asio::any_io_executor strand_;
  boost::asio::steady_timer timer_; ///< This and what follows: on the strand.
  bool stopped_ = false;
};

} // namespace hotslot::daemon
