// How many of the workers that a policy wants may be started now.
#ifndef HOTSLOT_POLICIES_START_CONTROL_HPP
#define HOTSLOT_POLICIES_START_CONTROL_HPP

#include <hotslot/policies/backoff.hpp>
#include <hotslot/stats/decision.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>

namespace hotslot {

/// What holds starts back, whatever the policy wants.
struct start_options {
  backoff_options backoff = {};
  /// After so many failures in a row callers are refused while the back-off lasts; 0: never.
  std::uint32_t breaker_failures = 5;
  /// At most so many starts at once as long as none has succeeded since the last failure; 0: no bound. It
  /// keeps a storm of starts off a backend that is down, and makes the first burst of calls wait for longer.
  std::uint32_t first_starts = 0;
  /// A token bucket: starts a second in the long run, and at once. Zero a second: no bound.
  double starts_per_second = 0;
  std::uint32_t start_burst = 8;
};

/// Back-off, circuit breaker, ramp and start rate of one queue's launcher. Reads no clock: time comes in.
///
/// After a failure no start is permitted for `backoff_delay`, then one at a time as a probe, until one
/// succeeds. The breaker is open from the `breaker_failures`th failure in a row until the back-off ends, half
/// open while it is probed, and closed by a success.
class start_control {
 public:
  /// What `ask` permits.
  struct permit {
    std::uint64_t starts = 0;
    decision_reason held_back = {};                                   ///< Why not all; no text where all.
    std::chrono::nanoseconds again = std::chrono::nanoseconds::max(); ///< When more may be permitted.
  };

  /// How many of `wanted` may start at `now`, beside those `under_way`. Cost: O(1).
  permit ask(const start_options& options, std::chrono::nanoseconds now, std::uint64_t wanted,
             std::uint64_t under_way) noexcept {
    permit p{.starts = wanted};
    if (wanted != 0 && failures_ != 0)
      back_off(p, now, under_way);
    else if (!proven_ && options.first_starts != 0)
      ramp(p, options, under_way);
    if (options.starts_per_second > 0)
      take_tokens(p, options, now);
    return p;
  }

  /// How many `ask` would permit at `now`, but for the ramp and the rate.
  std::uint64_t may_start(std::chrono::nanoseconds now, std::uint64_t under_way) const noexcept {
    if (failures_ == 0)
      return std::numeric_limits<std::uint64_t>::max();
    return now < not_before_ || under_way != 0 ? 0 : 1;
  }

  /// A start has made a worker: there is no failure any more, and no back-off.
  void succeeded() noexcept {
    failures_ = 0;
    proven_ = true;
    not_before_ = {};
  }

  /// Returns how long no start is tried. `random` is uniformly distributed.
  std::chrono::nanoseconds failed(const start_options& options, std::chrono::nanoseconds now,
                                  std::uint32_t random) noexcept {
    proven_ = false;
    const auto delay = backoff_delay(options.backoff, ++failures_, random);
    not_before_ = now + delay;
    return delay;
  }

  std::uint32_t failures() const noexcept { return failures_; }
  std::chrono::nanoseconds not_before() const noexcept { return not_before_; }

  /// Whether the breaker is open: callers that find no worker are refused.
  bool open(const start_options& options, std::chrono::nanoseconds now) const noexcept {
    return options.breaker_failures != 0 && failures_ >= options.breaker_failures && now < not_before_;
  }

 private:
  void back_off(permit& p, std::chrono::nanoseconds now, std::uint64_t under_way) const noexcept {
    const auto wanted = static_cast<double>(p.starts);
    if (now < not_before_) {
      const double left = std::chrono::duration<double>(not_before_ - now).count();
      p = {.held_back = {.text = "{} wanted; none for {} s after {} failed starts",
                         .numbers = {wanted, left, static_cast<double>(failures_)}},
           .again = not_before_};
    } else if (under_way != 0) {
      p = {.held_back = {.text = "{} wanted; a probe is under way after {} failed starts",
                         .numbers = {wanted, static_cast<double>(failures_)}}};
    } else if (p.starts > 1) {
      p = {.starts = 1,
           .held_back = {.text = "{} wanted; one probe after {} failed starts",
                         .numbers = {wanted, static_cast<double>(failures_)}}};
    }
  }

  void ramp(permit& p, const start_options& options, std::uint64_t under_way) const noexcept {
    const std::uint64_t room = options.first_starts > under_way ? options.first_starts - under_way : 0;
    if (p.starts <= room)
      return;
    p.held_back = {.text = "{} wanted; {} at once until one has succeeded",
                   .numbers = {static_cast<double>(p.starts), static_cast<double>(options.first_starts)}};
    p.starts = room;
  }

  void take_tokens(permit& p, const start_options& options, std::chrono::nanoseconds now) noexcept {
    const double burst = std::max<std::uint32_t>(options.start_burst, 1);
    if (filled_at_ == std::chrono::nanoseconds::min())
      tokens_ = burst;
    else
      tokens_ = std::min(burst, tokens_ + options.starts_per_second *
                                              std::chrono::duration<double>(now - filled_at_).count());
    filled_at_ = now;
    const auto most = static_cast<std::uint64_t>(tokens_);
    if (p.starts > most) {
      p.held_back = {
          .text = "{} wanted; {} now, at most {} a second",
          .numbers = {static_cast<double>(p.starts), static_cast<double>(most), options.starts_per_second}};
      p.starts = most;
      const double wait = (static_cast<double>(most) + 1 - tokens_) / options.starts_per_second;
      p.again = std::min(
          p.again, now + std::chrono::ceil<std::chrono::nanoseconds>(std::chrono::duration<double>(wait)));
    }
    tokens_ -= static_cast<double>(p.starts);
  }

  std::uint32_t failures_ = 0;
  bool proven_ = false; ///< A start has succeeded since the last failure.
  std::chrono::nanoseconds not_before_{};
  double tokens_ = 0;
  std::chrono::nanoseconds filled_at_ = std::chrono::nanoseconds::min();
};

} // namespace hotslot

#endif
