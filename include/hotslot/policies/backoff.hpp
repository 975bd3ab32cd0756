// How long to wait after a failure before the next attempt.
#ifndef HOTSLOT_POLICIES_BACKOFF_HPP
#define HOTSLOT_POLICIES_BACKOFF_HPP

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace hotslot {

struct backoff_options {
  std::chrono::nanoseconds first = std::chrono::milliseconds(100); ///< After the first failure; never less.
  std::chrono::nanoseconds most = std::chrono::seconds(5);
  std::uint32_t jitter_percent = 25; ///< Up to this much is added, so that many do not retry at once.
};

/// The delay after `failures` failures in a row: first * 2^(failures - 1), plus jitter, at most `most`.
/// `random` is any uniformly distributed number. Precondition: failures > 0, first <= most.
inline std::chrono::nanoseconds backoff_delay(const backoff_options& options, std::uint32_t failures,
                                              std::uint32_t random) noexcept {
  auto delay = options.first;
  for (std::uint32_t n = 1; n < failures && delay < options.most; ++n)
    delay *= 2;
  delay = std::min(delay, options.most);
  const auto jitter = delay * options.jitter_percent / 100;
  return std::min(delay + jitter * (random % 1024) / 1024, options.most);
}

} // namespace hotslot

#endif
