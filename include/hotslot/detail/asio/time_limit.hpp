// How long to wait, as a point in time or as a time from now.
#pragma once

#include <chrono>

namespace hotslot::detail {

/// Made of either, at the call. One beyond what the clock can tell is no limit; one before it has passed.
template <class Clock>
class time_limit {
 public:
  using time_point = typename Clock::time_point;

  time_limit(time_point at) noexcept
    : at_(at) {}
  template <class Rep, class Period>
  time_limit(const std::chrono::duration<Rep, Period>& time)
    : at_(after(Clock::now(), time)) {}

  time_point at() const noexcept { return at_; }

 private:
  template <class Rep, class Period>
  static time_point after(time_point now, const std::chrono::duration<Rep, Period>& time) {
    using seconds = std::chrono::duration<double>;
    if (seconds(time) >= seconds(time_point::max() - now))
      return time_point::max();
    if (time <= time.zero())
      return now;
    return now + std::chrono::ceil<typename Clock::duration>(time);
  }

  time_point at_;
};

} // namespace hotslot::detail
