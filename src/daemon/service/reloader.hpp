// How another configuration is put in force while the server runs.
#pragma once

#include "listener.hpp"
#include "server_parts.hpp"

#include <functional>
#include <mutex>
#include <string>
#include <vector>

namespace hotslot::daemon {

/// Reads the configuration once more. Throws `config_error`.
using config_source = std::function<config()>;

/// Thread safety: a shared object is safe. Lifetime: all that it is made of outlives it.
class reloader {
 public:
  reloader(server_parts& parts, listener& calls, listener& admin, config_source source);

  /// Puts the file in force, and what the certificates and tokens now are, or, where something is wrong with
  /// any of them, nothing. Returns what has changed, a line each. Throws `std::runtime_error`, which is in
  /// the log already.
  std::vector<std::string> reload();

  /// Tells the service manager where it is served.
  void tell_ready(const std::string& more = "") const;

 private:
  std::vector<std::string> put_in_force();

  server_parts& parts_;
  listener& calls_;
  listener& admin_;
  const config_source source_;
  std::mutex mutex_; ///< One after another.
};

} // namespace hotslot::daemon
