// How long the two servers of hotslotd wait for their callers.
#ifndef HOTSLOT_DAEMON_SERVER_TIMEOUTS_HPP
#define HOTSLOT_DAEMON_SERVER_TIMEOUTS_HPP

#include "json_reader.hpp"

#include <hotslot/http/server.hpp>

#include <chrono>

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

/// The member `timeouts`. What is absent stays as it is in `to`.
void read_timeouts(json_object& in, server_timeouts& to);

} // namespace hotslot::daemon

#endif
