#include <hotslot/stats/latency_histogram.hpp>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <functional>
#include <limits>

namespace hotslot {

std::chrono::microseconds latency_histogram::upper_bound(std::size_t bucket) noexcept {
  if (bucket >> sub_bucket_bits == 0)
    return std::chrono::microseconds(bucket);
  const std::size_t shift = (bucket >> sub_bucket_bits) - 1;
  const std::size_t sub = bucket - (shift << sub_bucket_bits);
  return std::chrono::microseconds(((sub + 1) << shift) - 1);
}

std::chrono::nanoseconds latency_histogram::percentile(double p) const noexcept {
  assert(!std::isnan(p));
  // Takes off more than rounding may have added: the 55th percentile of 100 latencies is the 55th of them,
  // not the 56th.
  constexpr double tolerance = 4 * std::numeric_limits<double>::epsilon();
  const double rank =
      std::ceil(std::clamp(p, 0.0, 100.0) * static_cast<double>(count_) / 100 * (1 - tolerance));
  auto left = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(rank));
  for (std::size_t i = 0; i < bucket_count; ++i) {
    if (counts_[i] >= left)
      return upper_bound(i);
    left -= counts_[i];
  }
  return {};
}

latency_histogram& latency_histogram::operator+=(const latency_histogram& other) noexcept {
  if (other.count_ == 0)
    return *this;
  std::transform(counts_.begin(), counts_.end(), other.counts_.begin(), counts_.begin(), std::plus<>());
  count_ += other.count_;
  add_to_sum(other.sum_);
  return *this;
}

} // namespace hotslot
