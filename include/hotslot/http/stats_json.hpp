// A snapshot as the JSON document of GET /stats.
#ifndef HOTSLOT_HTTP_STATS_JSON_HPP
#define HOTSLOT_HTTP_STATS_JSON_HPP

#include <hotslot/core/snapshot.hpp>

#include <string>

namespace hotslot::http {

/// Raised whenever a member is renamed, removed or changes its meaning; new members leave it as it is.
inline constexpr int stats_schema = 1;

/// The document: `schema`, `totals` (sums over all queues) and `queues`, in the order of the snapshot.
std::string render_json(const pool_snapshot& pool);

} // namespace hotslot::http

#endif
