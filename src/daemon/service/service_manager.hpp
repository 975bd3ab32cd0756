// What systemd, or whoever else started hotslotd so, is told about its state.
#pragma once

#include "base/unique_fd.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace hotslot::daemon {

/// The protocol of sd_notify(3): datagrams to the socket that NOTIFY_SOCKET names. It is spoken here and not
/// by libsystemd since it is one system call, and a server should not need a library for that where no
/// systemd is.
///
/// Telling never waits and never fails: what the manager does not take is lost, as its absence is no reason
/// not to serve. Without NOTIFY_SOCKET nothing is done. Thread safety: telling, on a shared object, is safe.
class service_manager {
 public:
  /// Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment, so to be called before there
  /// are threads. Throws `std::runtime_error` where one of them makes no sense.
  service_manager();

  void ready(std::string_view status) const;
  /// To be followed by `ready`, whatever comes of it.
  void reloading() const;
  /// May take so long, for which the watchdog is not waited for any more.
  void stopping(std::string_view status, std::chrono::seconds most) const;
  void alive() const;

  /// `alive` has to be told at least as often; nothing: it is not waited for.
  std::optional<std::chrono::microseconds> watchdog() const noexcept { return watchdog_; }

 private:
  void tell(std::string_view state) const;

  base::unique_fd socket_;
  sockaddr_un to_{};
  socklen_t to_size_ = 0;
  std::optional<std::chrono::microseconds> watchdog_;
};

} // namespace hotslot::daemon
