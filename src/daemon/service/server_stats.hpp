// What the admin address shows of the functions in force.
#pragma once

#include "server_parts.hpp"

#include <hotslot/http/stats_source.hpp>

namespace hotslot::daemon {

/// Of whatever is in force at the time of each request. `of` outlives it.
http::stats_source make_stats_source(const server_parts& of);

} // namespace hotslot::daemon
