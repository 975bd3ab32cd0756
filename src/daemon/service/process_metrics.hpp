// What this process takes of the machine.
#pragma once

#include <hotslot/http/metric_family.hpp>

#include <vector>

namespace hotslot::daemon {

/// By the names that Prometheus's client libraries have for it.
std::vector<http::metric_family> process_metrics();

} // namespace hotslot::daemon
