// What becomes of callers when there are too many of them.
#ifndef HOTSLOT_CORE_OVERLOAD_CONTROL_HPP
#define HOTSLOT_CORE_OVERLOAD_CONTROL_HPP

#include <hotslot/core/overload.hpp>

#include <chrono>
#include <cstdint>
#include <limits>

namespace hotslot {

/// All off by default.
struct overload_options {
  /// At most so many callers wait; the next is refused with `errc::queue_full`.
  std::uint64_t max_waiting = std::numeric_limits<std::uint64_t>::max();
  /// Callers that have waited for long in a queue that only grows are ended with `errc::overloaded`.
  bool shed = false;
  codel_options shedding = {};
  /// While `codel` finds the queue overloaded, the newest caller is served first.
  bool adaptive_lifo = false;
  /// A caller whose deadline is before the forecast is refused with `errc::deadline_unreachable`.
  bool fail_fast = false;
};

namespace detail {

class overload_control {
 public:
  explicit overload_control(const overload_options& options = {}) noexcept
    : options_(options)
    , codel_(options.shedding) {}

  const overload_options& options() const noexcept { return options_; }
  void limit_waiters(std::uint64_t n) noexcept { options_.max_waiting = n; }

  bool takes_newest() const noexcept { return options_.adaptive_lifo && codel_.overloaded(); }

  /// Whether a caller that would be granted a slot is to be shed; `cold`: it has waited for a start.
  bool sheds(std::chrono::nanoseconds now, std::chrono::nanoseconds waited, bool cold) noexcept {
    return watches() && codel_.on_grant(now, waited, cold) && options_.shed;
  }
  void nobody_waits(std::chrono::nanoseconds now) noexcept {
    if (watches())
      codel_.on_grant(now, std::chrono::nanoseconds(), false);
  }

 private:
  bool watches() const noexcept { return options_.shed || options_.adaptive_lifo; }

  overload_options options_;
  codel codel_;
};

} // namespace detail

} // namespace hotslot

#endif
