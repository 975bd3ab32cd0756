// Something that happens once and ends all that wait for it.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/error_code.hpp>

#include <atomic>

namespace hotslot::detail {

namespace asio = boost::asio;

/// A channel that nothing is ever sent through: closing it is the event. Thread safety: a shared object is
/// safe.
template <class Executor>
class stop_event {
 public:
  explicit stop_event(const Executor& ex)
    : channel_(ex) {}

  void set() noexcept {
    if (!set_.exchange(true))
      channel_.close();
  }
  bool is_set() const noexcept { return set_.load(); }

  /// Completes when the event has happened; does not throw.
  auto wait() { return channel_.async_receive(asio::as_tuple(asio::use_awaitable_t<Executor>())); }

 private:
  asio::experimental::basic_concurrent_channel<Executor, asio::experimental::channel_traits<>,
                                               void(boost::system::error_code)>
      channel_;
  std::atomic<bool> set_{
      false}; // the channel's own is_open() may not be asked while another thread closes it
};

} // namespace hotslot::detail
