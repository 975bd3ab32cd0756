// What policies with ticks remember of the time before.
#ifndef HOTSLOT_POLICIES_POLICY_MEMORY_HPP
#define HOTSLOT_POLICIES_POLICY_MEMORY_HPP

#include <hotslot/policies/scaling.hpp>

#include <algorithm>
#include <cassert>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace hotslot::detail {

/// Says when it is time to look again. The first time is when it is first asked.
class ticker {
 public:
  explicit ticker(std::chrono::nanoseconds interval) noexcept
    : interval_(interval) {
    assert(interval.count() > 0);
  }

  /// How many intervals have passed since the last tick; 0 where no tick is due.
  std::uint64_t due(std::chrono::nanoseconds now) noexcept {
    if (begun_ && now < next())
      return 0;
    const auto n = begun_ ? (now - last_) / interval_ : 1;
    begun_ = true;
    last_ = now;
    return static_cast<std::uint64_t>(n);
  }

  /// Those that were due before `now` have passed, and nothing was to be done. Returns the last of them.
  std::chrono::nanoseconds skip(std::chrono::nanoseconds now) noexcept {
    if (begun_ && now > last_)
      last_ += (now - last_ - std::chrono::nanoseconds(1)) / interval_ * interval_;
    return last_;
  }

  std::chrono::nanoseconds next() const noexcept { return last_ + interval_; }

 private:
  std::chrono::nanoseconds interval_;
  std::chrono::nanoseconds last_{};
  bool begun_ = false;
};

/// The last samples, one a tick. Allocates at construction only.
class tick_window {
 public:
  explicit tick_window(std::size_t ticks)
    : samples_(std::max<std::size_t>(ticks, 1)) {}

  void add(double sample, std::uint64_t ticks) noexcept {
    for (auto n = std::min<std::uint64_t>(ticks, samples_.size()); n != 0; --n) {
      samples_[next_] = sample;
      next_ = (next_ + 1) % samples_.size();
      size_ = std::min(size_ + 1, samples_.size());
    }
  }

  /// Of the last `ticks` samples, or as many as there are.
  double mean(std::size_t ticks) const noexcept {
    const std::size_t n = std::min(ticks, size_);
    double sum = 0;
    for (std::size_t i = 1; i <= n; ++i)
      sum += samples_[(next_ + samples_.size() - i) % samples_.size()];
    return n == 0 ? 0 : sum / static_cast<double>(n);
  }
  double mean() const noexcept { return mean(size_); }

 private:
  std::vector<double> samples_;
  std::size_t next_ = 0;
  std::size_t size_ = 0;
};

/// What went through a queue between two looks at it, from its counters.
class traffic_meter {
 public:
  struct reading {
    double seconds = 0;    ///< Since the look before; 0 at the first.
    double arrivals = 0;   ///< Calls that came in that time.
    double in_service = 0; ///< Mean number of busy workers in that time.
  };

  /// Arrivals are all calls that were served, have left or wait, less those of the look before.
  ///
  /// Of the calls now in service, those beyond the slots handed out since were in service all the time. The
  /// others took a run each, as the queue's average has it, or all the time where that is less:
  ///
  ///     in_service = max(0, busy - handed_out) + handed_out * min(run, time) / time
  ///
  /// At the first look, and where no run was measured yet, it is the number of workers busy now.
  reading look(const scaling_input& in) noexcept;

  /// Until then nothing has gone through since the last look, which is as if it was then.
  void nothing_until(std::chrono::nanoseconds t) noexcept { last_ = std::max(last_, t); }

 private:
  bool begun_ = false;
  std::chrono::nanoseconds last_{};
  std::uint64_t acquired_ = 0;
  std::uint64_t come_ = 0;
};

} // namespace hotslot::detail

#endif
