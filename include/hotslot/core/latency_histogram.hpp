// How often which latency occurred: constant memory, constant relative error.
#ifndef HOTSLOT_CORE_LATENCY_HISTOGRAM_HPP
#define HOTSLOT_CORE_LATENCY_HISTOGRAM_HPP

#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace hotslot {

/// A log-linear histogram: every power of two of microseconds is divided into eight buckets of equal width,
/// as in HdrHistogram (G. Tene, hdrhistogram.org). Latencies are truncated to microseconds; below 8 us each
/// has a bucket of its own, and 2^32 us (71 minutes) and more share the last one.
///
/// Error: `percentile` and `upper_bound` are never less than the truncated latency and at most 12.5 % more.
/// Memory: 2 KB. Thread safety: distinct objects are safe, a shared one is not. Cost: `record` is a few
/// instructions; `percentile` passes over all buckets.
class latency_histogram {
 public:
  static constexpr unsigned sub_bucket_bits = 3;
  static constexpr unsigned value_bits = 32;
  static constexpr std::size_t bucket_count = (value_bits - sub_bucket_bits + 1) << sub_bucket_bits;

  void record(std::chrono::nanoseconds latency) noexcept {
    ++counts_[bucket_of(latency)];
    ++count_;
    sum_ += latency;
  }

  std::uint64_t count() const noexcept { return count_; }
  /// Of the latencies as they were, not of their buckets.
  std::chrono::nanoseconds sum() const noexcept { return sum_; }
  std::uint64_t count_in(std::size_t bucket) const noexcept { return counts_[bucket]; }

  /// The upper end of the bucket that holds the `p`th percentile by the nearest-rank method, `p` from 0 to
  /// 100; zero where nothing was recorded.
  std::chrono::nanoseconds percentile(double p) const noexcept;

  latency_histogram& operator+=(const latency_histogram& other) noexcept;

  static std::size_t bucket_of(std::chrono::nanoseconds latency) noexcept {
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(latency).count();
    if (us < 0)
      return 0;
    constexpr std::uint64_t last = (std::uint64_t{1} << value_bits) - 1;
    const std::uint64_t v = static_cast<std::uint64_t>(us) < last ? static_cast<std::uint64_t>(us) : last;
    if (v >> sub_bucket_bits == 0)
      return v;
    const unsigned shift = static_cast<unsigned>(std::bit_width(v)) - 1 - sub_bucket_bits;
    return (std::size_t{shift} << sub_bucket_bits) + (v >> shift);
  }

  /// The longest latency of the bucket, in whole microseconds.
  static std::chrono::microseconds upper_bound(std::size_t bucket) noexcept;

 private:
  std::array<std::uint64_t, bucket_count> counts_{};
  std::uint64_t count_ = 0;
  std::chrono::nanoseconds sum_{};
};

/// What a caller waited for.
enum class wait_cause : std::uint8_t {
  call,      ///< For another call to end.
  start,     ///< For a worker to be started.
  resources, ///< For a worker that itself had to wait for memory or processor time.
};

inline constexpr std::size_t wait_cause_count = 3;

/// The latencies of one queue. Waits that ended by their deadline are in `waits` too; those that were
/// cancelled are not.
struct queue_histograms {
  std::array<latency_histogram, wait_cause_count> waits; ///< Indexed by `wait_cause`.
  latency_histogram runs;
  latency_histogram starts;
  std::uint64_t immediate = 0; ///< Acquisitions that found an idle slot, and so are not in `waits`.

  const latency_histogram& wait(wait_cause c) const noexcept { return waits[static_cast<std::size_t>(c)]; }
};

} // namespace hotslot

#endif
