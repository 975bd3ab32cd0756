#include "connection_shares.hpp"

#include <hotslot/http/server.hpp>

#include <algorithm>

namespace hotslot::daemon {

connection_shares connection_shares::of(std::uint64_t descriptors) noexcept {
  constexpr std::uint64_t own = 32;
  constexpr std::uint64_t least = 4;
  const std::uint64_t admin = std::clamp<std::uint64_t>(descriptors / 16, least, 256);
  const std::uint64_t others = descriptors / 4 + admin + own;
  const std::uint64_t calls = descriptors > others ? descriptors - others : 0;
  return {.calls = std::clamp<std::uint64_t>(calls, least, http::server_limits().max_connections),
          .admin = admin};
}

} // namespace hotslot::daemon
