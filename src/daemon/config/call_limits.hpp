// What calls of one function may take.
#pragma once

#include "json_reader.hpp"

#include <cstdint>
#include <limits>
#include <optional>

namespace hotslot::daemon {

/// So many calls a second in the long run, and so many at once.
struct rate {
  std::uint32_t per_second = 1;
  std::uint32_t burst = 1;

  friend bool operator==(const rate&, const rate&) = default;
};

struct call_limits {
  static constexpr std::uint64_t none = std::numeric_limits<std::uint64_t>::max();

  /// Of the head that a worker is sent; beyond: 431. As much as a Node function takes.
  std::uint64_t request_header = 16u << 10;
  std::uint64_t request_body = none; ///< Beyond: 413. The server's own limit counts first.
  std::uint64_t reply_body = none;   ///< Beyond: 502, or broken off where the reply has begun.
  std::optional<rate> calls = {};    ///< Beyond: 429.
  bool detached = true;              ///< Whether it takes detached calls.
};

/// `max_header_bytes`, `max_body_bytes`, `max_reply_bytes`, `rate_limit` and `detached` of a function.
call_limits read_call_limits(json_object& in);

} // namespace hotslot::daemon
