// An event that happens once, and that any number of coroutines may await.
#pragma once

#include <hotslot/detail/asio/stop_event.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

namespace hotslot::process::detail {

/// Thread safety: shared objects are safe.
class gate {
 public:
  explicit gate(const boost::asio::any_io_executor& ex)
    : event_(ex) {}

  void open() noexcept { event_.set(); }
  bool is_open() const noexcept { return event_.is_set(); }

  /// Completes when the gate is open; a cancelled wait throws `operation_aborted`. The gate must outlive it.
  boost::asio::awaitable<void> wait() {
    const auto [ec] = co_await event_.wait();
    if (ec != boost::asio::experimental::error::channel_closed)
      throw boost::system::system_error(boost::asio::error::operation_aborted);
  }

 private:
  hotslot::detail::stop_event<boost::asio::any_io_executor> event_;
};

} // namespace hotslot::process::detail
