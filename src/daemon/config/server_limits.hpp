// What the two servers of hotslotd allow their callers, and how many detached calls may wait.
#pragma once

#include "json_reader.hpp"

#include <hotslot/http/server.hpp>

#include <chrono>
#include <cstdint>

namespace hotslot::daemon {

/// As in `http::server_limits`, which says from when to when each of them counts.
struct server_timeouts {
  std::chrono::milliseconds header = http::server_limits().header_timeout;
  std::chrono::milliseconds body = http::server_limits().body_timeout;
  std::chrono::milliseconds idle = http::server_limits().idle_timeout;
  std::chrono::milliseconds write = http::server_limits().write_timeout;

  friend bool operator==(const server_timeouts&, const server_timeouts&) = default;

  void put_into(http::server_limits& limits) const;
};

/// The member `trusted_proxies`: an array of addresses and networks.
void read_trusted_proxies(json_object& in, http::trusted_proxies& to);

/// The member `timeouts`. What is absent stays as it is in `to`.
void read_timeouts(json_object& in, server_timeouts& to);

/// Detached calls of the whole server.
struct detached_limits {
  std::uint64_t waiting = 1000;        ///< Calls that have been accepted and have not begun.
  std::uint64_t bytes = 64u << 20;     ///< Bodies of calls that wait or run.
  std::uint64_t body_bytes = 1u << 20; ///< Of one call; beyond: 413.

  friend bool operator==(const detached_limits&, const detached_limits&) = default;
};

/// The member `detached`. What is absent stays as it is in `to`.
void read_detached(json_object& in, detached_limits& to);

} // namespace hotslot::daemon
