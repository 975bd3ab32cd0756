// hotslotd as an object: functions, two servers, signals.
#ifndef HOTSLOT_DAEMON_DAEMON_HPP
#define HOTSLOT_DAEMON_DAEMON_HPP

#include "activation.hpp"
#include "config.hpp"
#include "log.hpp"
#include "service_manager.hpp"

#include <cstddef>
#include <functional>
#include <iosfwd>

namespace hotslot::daemon {

/// Reads the configuration once more. Throws `config_error`.
using config_source = std::function<config()>;

/// What it got from whoever started it.
struct service {
  service_manager manager;
  activated_sockets sockets = take_activated_sockets(); ///< Before the addresses of the configuration.
};

/// Serves `config` with `threads` threads, this one among them, until SIGTERM, SIGINT or POST /admin/drain
/// has drained it; a second signal cuts what still runs. SIGHUP, and POST /admin/reload on the admin address,
/// put in force what `again` yields. The addresses in use are printed to `out`, one line each.
///
/// Returns the exit code. Throws `system_error` where it cannot start: an address in use, a socket directory
/// that cannot be made.
int serve(const config& config, const config_source& again, std::size_t threads, const logger& log,
          std::ostream& out, const service& service);

} // namespace hotslot::daemon

#endif
