// Whom a queue sheds, and when, by its overload policy.
#pragma once

#include <hotslot/policies/overload.hpp>

#include <chrono>
#include <cstdint>

namespace hotslot::detail {

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

} // namespace hotslot::detail
