// hotslotd as an object: functions, addresses, signals.
#pragma once

#include "reloader.hpp"
#include "server_parts.hpp"

#include <cstddef>

namespace hotslot::daemon {

/// Serves what `source` yields, and what it yields then when SIGHUP, or POST /admin/reload on the admin
/// address, asks for that; with `threads` threads, this one among them, until SIGTERM, SIGINT or POST
/// /admin/drain has drained it; a second signal cuts what still runs. The addresses in use are printed on
/// standard output, one line each.
///
/// Returns the exit code. Throws `std::runtime_error` where it cannot start: a wrong configuration, an
/// address in use, a socket directory that cannot be made.
int serve(const config_source& source, std::size_t threads, const logger& log, const service& service);

} // namespace hotslot::daemon
