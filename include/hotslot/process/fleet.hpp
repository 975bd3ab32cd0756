// All function processes of a program, at its end.
#ifndef HOTSLOT_PROCESS_FLEET_HPP
#define HOTSLOT_PROCESS_FLEET_HPP

#include <hotslot/detail/asio/stop_event.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <mutex>

namespace hotslot::process {

/// The processes of the launchers that share it.
///
/// Thread safety: a shared object is safe.
class fleet {
 public:
  class membership;

  /// Without processes; `ex` is where `async_join` is awaited.
  explicit fleet(const boost::asio::any_io_executor& ex)
    : hurry_(ex)
    , empty_(ex) {}
  fleet(const fleet&) = delete;
  fleet& operator=(const fleet&) = delete;

  /// From now on a process that is to end has no grace: it gets SIGKILL, also where it has had its SIGTERM.
  void hurry() noexcept { hurry_.set(); }

  /// Completes when there is no process: everything that has started some is to be stopped before. To be
  /// awaited once, and not cancelled.
  boost::asio::awaitable<void> async_join();

  bool hurried() const noexcept { return hurry_.is_set(); }
  /// Completes at `hurry`.
  auto wait_for_hurry() { return hurry_.wait(); }

 private:
  using event = hotslot::detail::stop_event<boost::asio::any_io_executor>;

  event hurry_;
  event empty_;
  std::mutex mutex_;
  std::size_t members_ = 0;
  bool joining_ = false;
};

/// A process belongs to it meanwhile.
class fleet::membership {
 public:
  /// A process more, until this is destroyed.
  explicit membership(fleet& of);
  membership(const membership&) = delete;
  membership& operator=(const membership&) = delete;
  ~membership();

 private:
  fleet& of_;
};

} // namespace hotslot::process

#endif
