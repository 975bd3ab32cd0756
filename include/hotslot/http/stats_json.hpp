// Stats as JSON documents: GET /stats and GET /stats/{key}. docs/stats.schema.json is their schema.
#ifndef HOTSLOT_HTTP_STATS_JSON_HPP
#define HOTSLOT_HTTP_STATS_JSON_HPP

#include <hotslot/stats/queue_detail.hpp>
#include <hotslot/stats/snapshot.hpp>

#include <cstddef>
#include <limits>
#include <optional>
#include <string>

namespace hotslot::http {

/// Raised whenever a member is renamed, removed or changes its meaning; new members leave it as it is.
inline constexpr int stats_schema = 1;

inline constexpr std::size_t all_queues = std::numeric_limits<std::size_t>::max();

/// The document of all queues: `schema`, `totals` (sums over all queues) and `queues`, the first `shown` in
/// the order of the snapshot; `matching` where somebody looks for a text and so many have it.
std::string render_json(const pool_snapshot& pool, std::size_t shown = all_queues,
                        std::optional<std::size_t> matching = {});

/// The document of one queue: `schema`, `queue` as in the other, latency percentiles, decisions, workers,
/// failures. Durations are in milliseconds.
std::string render_json(const queue_detail& detail);

} // namespace hotslot::http

#endif
