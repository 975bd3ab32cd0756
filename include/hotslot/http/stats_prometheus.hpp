// A snapshot in the Prometheus text format 0.0.4, as GET /metrics answers it.
#ifndef HOTSLOT_HTTP_STATS_PROMETHEUS_HPP
#define HOTSLOT_HTTP_STATS_PROMETHEUS_HPP

#include <hotslot/core/snapshot.hpp>

#include <string>
#include <string_view>

namespace hotslot::http {

inline constexpr std::string_view prometheus_content_type = "text/plain; version=0.0.4; charset=utf-8";

/// Every queue's series, labelled by app, fn and key. Keys have to be unique within the snapshot.
std::string render_prometheus(const pool_snapshot& pool, std::string_view version);

} // namespace hotslot::http

#endif
