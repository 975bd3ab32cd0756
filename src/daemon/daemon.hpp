// hotslotd as an object: functions, two servers, signals.
#ifndef HOTSLOT_DAEMON_DAEMON_HPP
#define HOTSLOT_DAEMON_DAEMON_HPP

#include "config.hpp"
#include "log.hpp"

#include <cstddef>
#include <iosfwd>

namespace hotslot::daemon {

/// Serves `config` with `threads` threads, this one among them, until SIGTERM or SIGINT has drained it; a
/// second signal cuts what still runs. The addresses in use are printed to `out`, one line each.
///
/// Returns the exit code. Throws `system_error` where it cannot start: an address in use, a socket directory
/// that cannot be made.
int serve(const config& config, std::size_t threads, const logger& log, std::ostream& out);

} // namespace hotslot::daemon

#endif
