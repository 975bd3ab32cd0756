// The histograms of one queue, as far as anything was recorded.
#pragma once

#include <hotslot/stats/latency_histogram.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

namespace hotslot::detail {

/// Each histogram is made when it is needed; where there is no memory for it, nothing is recorded there.
class latency_books {
 public:
  /// So that a call that finds an idle slot allocates nothing, not even the first.
  void expect_runs() noexcept { made(runs_); }

  void count_immediate() noexcept { ++immediate_; }
  void record_wait(wait_cause cause, std::chrono::nanoseconds waited) noexcept {
    record(waits_[static_cast<std::size_t>(cause)], waited);
  }
  void record_run(std::chrono::nanoseconds run) noexcept { record(runs_, run); }
  void record_start(std::chrono::nanoseconds took) noexcept { record(starts_, took); }

  queue_histograms copy() const noexcept {
    queue_histograms all;
    for (std::size_t i = 0; i < wait_cause_count; ++i)
      add(all.waits[i], waits_[i]);
    add(all.runs, runs_);
    add(all.starts, starts_);
    all.immediate = immediate_;
    return all;
  }

 private:
  using kept = std::unique_ptr<latency_histogram>;

  static latency_histogram* made(kept& h) noexcept {
    if (!h) [[unlikely]]
      h.reset(new (std::nothrow) latency_histogram);
    return h.get();
  }
  static void record(kept& h, std::chrono::nanoseconds latency) noexcept {
    if (latency_histogram* there = made(h))
      there->record(latency);
  }
  static void add(latency_histogram& to, const kept& h) noexcept {
    if (h)
      to = *h;
  }

  std::uint64_t immediate_ = 0;
  kept runs_;
  kept starts_;
  std::array<kept, wait_cause_count> waits_;
};

} // namespace hotslot::detail
