// How long to wait after a failure before the next attempt.
#ifndef HOTSLOT_POLICIES_BACKOFF_HPP
#define HOTSLOT_POLICIES_BACKOFF_HPP

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>

namespace hotslot {

/// How long to wait after failures: `backoff_delay` says what becomes of it.
struct backoff_options {
  std::chrono::nanoseconds first = std::chrono::milliseconds(100); ///< After the first failure; never less.
  std::chrono::nanoseconds most = std::chrono::seconds(5);
  std::uint32_t jitter_percent = 25; ///< Up to this much is added, so that many do not retry at once.
};

/// The delay after `failures` failures in a row: first * 2^(failures - 1), plus jitter, at most `most`.
/// `random` is any uniformly distributed number. Precondition: failures > 0, 0 <= first <= most. Cost: O(1).
inline std::chrono::nanoseconds backoff_delay(const backoff_options& options, std::uint32_t failures,
                                              std::uint32_t random) noexcept {
  const auto doublings = static_cast<int>(std::min<std::uint32_t>(failures - 1, 64));
  const double delay = std::ldexp(static_cast<double>(options.first.count()), doublings);
  const double jitter = delay * options.jitter_percent / 100 * (random % 1024) / 1024;
  const double most = static_cast<double>(options.most.count());
  if (delay + jitter >= most)
    return options.most;
  return std::chrono::nanoseconds(static_cast<std::int64_t>(delay + jitter));
}

} // namespace hotslot

#endif
