#include "watchdog.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>

namespace hotslot::daemon {

namespace asio = boost::asio;

watchdog::watchdog(asio::any_io_executor executor, const service_manager& manager)
  : manager_(manager)
  , strand_(asio::make_strand(std::move(executor)))
  , timer_(strand_) {}

void watchdog::start() {
  if (const auto period = manager_.watchdog())
    asio::co_spawn(strand_, run(*period / 2), asio::detached);
}

void watchdog::stop() {
  asio::post(strand_, [this] {
    stopped_ = true;
    timer_.cancel();
  });
}

asio::awaitable<void> watchdog::run(std::chrono::microseconds every) {
  while (!stopped_) {
    manager_.alive();
    timer_.expires_after(every);
    co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

} // namespace hotslot::daemon
