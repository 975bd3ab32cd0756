// What /metrics of hotslotd has beside the figures of queues.
#pragma once

#include "listeners.hpp"
#include "server_parts.hpp"

#include <hotslot/http/byte_budget.hpp>
#include <hotslot/http/metric_family.hpp>

#include <vector>

namespace hotslot::daemon {

/// Of whatever is in force at the time.
std::vector<http::metric_family> server_metrics(const server_parts& of, const listeners& calls,
                                                const listeners& admin, const http::byte_budget& bodies);

} // namespace hotslot::daemon
