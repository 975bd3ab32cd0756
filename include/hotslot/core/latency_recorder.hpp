// Where the state machine of a slot queue puts its latencies, if anywhere.
#ifndef HOTSLOT_CORE_LATENCY_RECORDER_HPP
#define HOTSLOT_CORE_LATENCY_RECORDER_HPP

#include <hotslot/core/latency_histogram.hpp>

#include <chrono>
#include <cstddef>

namespace hotslot::detail {

/// Histograms that may be missing, in which case nothing is recorded. Does not own them.
class latency_recorder {
 public:
  void record_into(queue_histograms* h) noexcept { histograms_ = h; }

  void count_immediate() noexcept {
    if (histograms_)
      ++histograms_->immediate;
  }
  void record_wait(wait_cause cause, std::chrono::nanoseconds waited) noexcept {
    if (histograms_)
      histograms_->waits[static_cast<std::size_t>(cause)].record(waited);
  }
  void record_run(std::chrono::nanoseconds run) noexcept {
    if (histograms_)
      histograms_->runs.record(run);
  }
  void record_start(std::chrono::nanoseconds took) noexcept {
    if (histograms_)
      histograms_->starts.record(took);
  }

 private:
  queue_histograms* histograms_ = nullptr;
};

} // namespace hotslot::detail

#endif
