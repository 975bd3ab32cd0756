// An event that happens once, and that any number of coroutines may await.
#ifndef HOTSLOT_PROCESS_GATE_HPP
#define HOTSLOT_PROCESS_GATE_HPP

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <atomic>

namespace hotslot::process::detail {

/// A channel that carries nothing: closing it opens the gate. Thread safety: shared objects are safe.
class gate {
 public:
  explicit gate(const boost::asio::any_io_executor& ex)
    : channel_(ex) {}

  void open() noexcept {
    if (!open_.exchange(true))
      channel_.close();
  }

  bool is_open() const noexcept { return open_; }

  /// Completes when the gate is open; a cancelled wait throws `operation_aborted`. The gate must outlive it.
  boost::asio::awaitable<void> wait() {
    namespace asio = boost::asio;
    const auto [ec] = co_await channel_.async_receive(asio::as_tuple(asio::use_awaitable));
    if (ec != asio::experimental::error::channel_closed)
      throw boost::system::system_error(asio::error::operation_aborted);
  }

 private:
  boost::asio::experimental::concurrent_channel<void(boost::system::error_code)> channel_;
  std::atomic<bool> open_ = false;
};

} // namespace hotslot::process::detail

#endif
