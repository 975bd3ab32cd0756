// What becomes of callers when there are too many of them.
#ifndef HOTSLOT_POLICIES_OVERLOAD_HPP
#define HOTSLOT_POLICIES_OVERLOAD_HPP

#include <algorithm>
#include <cassert>
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>

namespace hotslot {

/// What `codel` takes for a queue that stands.
struct codel_options {
  std::chrono::nanoseconds interval = std::chrono::milliseconds(100);
  std::chrono::nanoseconds target = std::chrono::milliseconds(5); ///< Of waiting.
};

/// Controlled delay: tells a standing queue, which has to be shortened, from a burst, which goes by itself.
///
/// A queue is overloaded after an interval in which even the shortest wait exceeded the target. While it is,
/// a call that waited longer than twice the target is shed, except the first of an interval. An interval ends
/// with the first call that comes after its end; the next begins with that call.
///
/// Thread safety: distinct objects are safe, a shared one is not. Cost: a few comparisons.
///
/// Source: facebook/folly, folly/executors/Codel.cpp; Maurer, "Fail at Scale", ACM Queue 13(8), 2015. Unlike
/// there, the first interval lasts as long as the others.
class codel {
 public:
  /// Precondition: 0 < target <= interval.
  explicit codel(codel_options options = {}) noexcept
    : options_(options) {
    assert(options.target.count() > 0 && options.target <= options.interval);
  }

  /// To be told of every call that is to get a slot, at `now`, after it has `waited`; one that found an idle
  /// slot has waited 0. Returns whether it is to be shed instead. A call that waited for a start, `cold`, is
  /// never shed, and says nothing of overload: where all are, there is no other worker to queue for.
  bool on_grant(std::chrono::nanoseconds now, std::chrono::nanoseconds waited, bool cold) noexcept {
    if (cold)
      return false;
    if (!begun_ || now > ends_) {
      overloaded_ = begun_ && least_ > options_.target;
      begun_ = true;
      ends_ = now + options_.interval;
      least_ = waited;
      return false;
    }
    least_ = std::min(least_, waited);
    return overloaded_ && waited > 2 * options_.target;
  }

  /// What the last interval that ended says; stays so while no call comes.
  bool overloaded() const noexcept { return overloaded_; }

 private:
  codel_options options_;
  bool begun_ = false;
  bool overloaded_ = false;
  std::chrono::nanoseconds ends_{};  ///< Of the present interval.
  std::chrono::nanoseconds least_{}; ///< Wait in it.
};

/// All off by default.
struct overload_options {
  /// At most so many callers wait, beside those for whom a launcher starts a worker or can start one; the
  /// next is refused with `errc::queue_full`.
  std::uint64_t max_waiting = std::numeric_limits<std::uint64_t>::max();
  /// Callers that have waited for long in a queue that only grows are ended with `errc::overloaded`.
  bool shed = false;
  codel_options shedding = {};
  /// While `codel` finds the queue overloaded, the newest caller is served first.
  bool adaptive_lifo = false;
  /// A caller whose deadline is before the forecast is refused with `errc::deadline_unreachable`.
  bool fail_fast = false;
};

/// In how long a caller would be served that has `waiters_before` it; none where that cannot be said.
///
/// With k = waiters_before + 1, N workers (all of them taken), U starting, which come after `start`:
///
///     t = k * run / N                                             where t <= start, or U = 0
///     t = start                                                   else where k <= N * start / run + U
///     t = start + (k - N * start / run - U) * run / (N + U)       else
///
/// A latency of 0 is not known. Without `start` the starting workers are left out, which makes the forecast
/// longer; without `run`, only a caller that a starting worker is there for has one, by `start`.
///
/// To be used for failing at once a caller whose deadline is sooner, and for Retry-After. The averages that
/// it rests on promise nothing.
std::optional<std::chrono::nanoseconds> forecast(std::uint64_t waiters_before, std::chrono::nanoseconds run,
                                                 std::chrono::nanoseconds start, std::uint64_t workers,
                                                 std::uint64_t starting) noexcept;

} // namespace hotslot

#endif
