// How another configuration is put in force while the server runs.
#pragma once

#include "listeners.hpp"
#include "server_parts.hpp"

#include "base/quiet_threads.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>

#include <functional>
#include <string>
#include <vector>

namespace hotslot::daemon {

/// Reads the configuration once more. Throws `config_error`.
using config_source = std::function<config()>;

/// Reads, resolves and checks on a thread of its own, so that no call waits for a file, or for the work that
/// thousands of functions are.
///
/// Thread safety: a shared object is safe. Lifetime: all that it is made of outlives it; its end waits for a
/// reload that is under way.
class reloader {
 public:
  reloader(server_parts& parts, listeners& calls, listeners& admin, config_source source);

  /// Puts the file in force, and what the certificates and tokens now are, or, where something is wrong with
  /// any of them, nothing. Returns what has changed, a line each. One comes after another.
  ///
  /// Completion: on the caller's executor. Cancellation: what has begun goes on. Errors:
  /// `std::exception`, which is in the log already.
  asio::awaitable<std::vector<std::string>> async_reload();

  /// Tells the service manager where it is served.
  void tell_ready(const std::string& more = "") const;

 private:
  std::vector<std::string> reload();
  std::vector<std::string> put_in_force();

  server_parts& parts_;
  listeners& calls_;
  listeners& admin_;
  const config_source source_;
  base::quiet_threads<asio::thread_pool> thread_{1};
};

} // namespace hotslot::daemon
