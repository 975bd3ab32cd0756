// How often which latency occurred: constant memory, constant relative error.
#ifndef HOTSLOT_STATS_LATENCY_HISTOGRAM_HPP
#define HOTSLOT_STATS_LATENCY_HISTOGRAM_HPP

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace hotslot {

/// A log-linear histogram: every power of two of microseconds is divided into eight buckets of equal width,
/// as in HdrHistogram (G. Tene, hdrhistogram.org). Latencies are truncated to microseconds; below 8 us each
/// has a bucket of its own. Negative ones, which only a clock that is not steady yields, count as zero; 2^32
/// us (71 minutes) and more count as the longest of the last bucket.
///
/// Error: `percentile` and `upper_bound` are never less than the truncated latency, but for one beyond the
/// last bucket, and at most 12.5 % more. Nothing throws. Memory: 2 KB, whatever is recorded. Thread safety:
/// distinct objects are safe, a shared one is not. Cost: `record` is a few instructions; `percentile` and
/// `+=` pass over all buckets.
class latency_histogram {
 public:
  static constexpr unsigned sub_bucket_bits = 3;
  static constexpr unsigned value_bits = 32;
  static constexpr std::size_t bucket_count = (value_bits - sub_bucket_bits + 1) << sub_bucket_bits;

  /// Counts one latency.
  void record(std::chrono::nanoseconds latency) noexcept {
    ++counts_[bucket_of(latency)];
    ++count_;
    add_to_sum(latency);
  }

  /// As if zero had been recorded so often.
  void record_zeros(std::uint64_t times) noexcept {
    counts_.front() += times;
    count_ += times;
  }

  std::uint64_t count() const noexcept { return count_; }
  /// Of the latencies as they were, not of their buckets. Never decreases; stays at the longest duration that
  /// there is once it would exceed it.
  std::chrono::nanoseconds sum() const noexcept { return sum_; }
  /// Precondition: `bucket < bucket_count`, as wherever one is asked for.
  std::uint64_t count_in(std::size_t bucket) const noexcept { return counts_[bucket]; }

  /// The upper end of the bucket that holds the `p`th percentile by the nearest-rank method; zero where
  /// nothing was recorded. A `p` outside of 0 to 100 is taken for the nearer of the two. Precondition: `p` is
  /// a number.
  std::chrono::nanoseconds percentile(double p) const noexcept;

  /// As if everything that was recorded in `other` had been recorded here too.
  latency_histogram& operator+=(const latency_histogram& other) noexcept;

  /// The bucket that `latency` is counted in.
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
  void add_to_sum(std::chrono::nanoseconds more) noexcept {
    if (more > std::chrono::nanoseconds::zero())
      sum_ += std::min(more, std::chrono::nanoseconds::max() - sum_);
  }

  std::uint64_t count_ = 0;
  std::chrono::nanoseconds sum_{};
  std::array<std::uint64_t, bucket_count> counts_{};
};

/// What a caller waited for.
enum class wait_cause : std::uint8_t {
  call,      ///< For another call to end.
  start,     ///< For a worker to be started.
  resources, ///< For a worker that itself had to wait for memory or processor time.
};

inline constexpr std::size_t wait_cause_count = 3;

/// The latencies of one queue.
///
/// `waits` has the waits that a slot ended, from their beginning to the grant, under what that slot
/// came from: a call that ended, or the start of a worker, of which it is the first caller. It has those that
/// ended by their deadline too: under `resources` where a start waits for them just then, else under `start`
/// where a worker is being started or there is none, else under `call`. Waits that were cancelled, refused,
/// or ended by a failed launch or with the queue are nowhere.
///
/// `runs` has the time from each acquisition, which for a caller that waited is the grant, to its release or
/// discard, but not of leases that were put back unused; `starts` the time that the launcher's factory took,
/// where it made a worker.
struct queue_histograms {
  std::array<latency_histogram, wait_cause_count> waits; ///< Indexed by `wait_cause`.
  latency_histogram runs;
  latency_histogram starts;
  /// Acquisitions that found an idle slot, and so are not in `waits`. Those of a dequeuer's offers are in
  /// neither where the offer was idle.
  std::uint64_t immediate = 0;

  /// The waits for that.
  const latency_histogram& wait(wait_cause c) const noexcept { return waits[static_cast<std::size_t>(c)]; }

  /// How long callers had to wait: `waits`, whatever for, and `immediate` as waits of no time.
  latency_histogram all_waits() const noexcept {
    latency_histogram all;
    for (const auto& w : waits)
      all += w;
    all.record_zeros(immediate);
    return all;
  }
};

} // namespace hotslot

#endif
