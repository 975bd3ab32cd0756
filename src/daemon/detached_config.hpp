// How many detached calls may wait.
#ifndef HOTSLOT_DAEMON_DETACHED_CONFIG_HPP
#define HOTSLOT_DAEMON_DETACHED_CONFIG_HPP

#include "json_reader.hpp"

#include <cstdint>

namespace hotslot::daemon {

/// Of the whole server.
struct detached_limits {
  std::uint64_t waiting = 1000;        ///< Calls that have been accepted and have not begun.
  std::uint64_t bytes = 64u << 20;     ///< Bodies of calls that wait or run.
  std::uint64_t body_bytes = 1u << 20; ///< Of one call; beyond: 413.

  friend bool operator==(const detached_limits&, const detached_limits&) = default;
};

/// The member `detached`. What is absent stays as it is in `to`.
void read_detached(json_object& in, detached_limits& to);

} // namespace hotslot::daemon

#endif
