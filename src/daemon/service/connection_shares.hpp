// Who may have how many of the descriptors.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hotslot::daemon {

/// Connections, for which nobody has said how many there may be. A quarter of the descriptors is kept for
/// workers, some for the server itself, and operators have theirs, so that callers cannot take what others
/// need.
struct connection_shares {
  std::size_t calls;
  std::size_t admin;

  /// Of so many descriptors.
  static connection_shares of(std::uint64_t descriptors) noexcept;
};

} // namespace hotslot::daemon
