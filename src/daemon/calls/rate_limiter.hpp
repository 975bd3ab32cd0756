// How many calls a second.
#pragma once

#include "daemon/config/call_limits.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <ratio>

namespace hotslot::daemon {

/// A token bucket, full at first, kept as the one time at which it will be full again (GCRA). Reads no clock:
/// time comes in.
///
/// Thread safety: a shared object is safe. Cost: one atomic exchange.
class rate_limiter {
 public:
  explicit rate_limiter(const rate& of) noexcept
    : token_(std::nano::den / of.per_second)
    , depth_(token_ * (of.burst - 1)) {}

  /// Takes a token; where there is none, answers how long it takes until there is one.
  std::optional<std::chrono::nanoseconds> try_take(std::chrono::nanoseconds now) noexcept {
    auto full = full_at_.load(std::memory_order_relaxed);
    for (;;) {
      const std::int64_t begin = std::max(full, static_cast<std::int64_t>(now.count()));
      const std::int64_t early = begin - now.count() - depth_;
      if (early > 0) {
        refused_.fetch_add(1, std::memory_order_relaxed);
        return std::chrono::nanoseconds(early);
      }
      if (full_at_.compare_exchange_weak(full, begin + token_, std::memory_order_relaxed))
        return std::nullopt;
    }
  }

  std::uint64_t refused() const noexcept { return refused_.load(std::memory_order_relaxed); }

 private:
  const std::int64_t token_; ///< How long one takes to come, in nanoseconds.
  const std::int64_t depth_; ///< How long all but one take.
  std::atomic<std::int64_t> full_at_{0};
  std::atomic<std::uint64_t> refused_{0};
};

} // namespace hotslot::daemon
