// What the histogram promises of its error, against sorted lists of what was recorded.
#include <hotslot/stats/latency_histogram.hpp>

#include "catch.hpp"
#include "seed.hpp"

#include <algorithm>
#include <limits>
#include <random>
#include <type_traits>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using hotslot::latency_histogram;
using std::chrono::microseconds;
using std::chrono::nanoseconds;

namespace {

constexpr microseconds end_of_range = microseconds(1ull << latency_histogram::value_bits) - 1us;

microseconds truncated(nanoseconds latency) { return std::chrono::duration_cast<microseconds>(latency); }

bool is_within_error(nanoseconds reported, nanoseconds latency) {
  const auto us = truncated(latency);
  return us <= reported && reported <= us + us / 8;
}

// Each power of two as likely as any other.
class random_latencies {
 public:
  explicit random_latencies(std::uint32_t seed)
    : random_(seed) {}

  nanoseconds next() {
    const auto bits = std::uniform_int_distribution<unsigned>(0, latency_histogram::value_bits)(random_);
    const auto us = std::uniform_int_distribution<std::uint64_t>(0, (1ull << bits) - 1)(random_);
    return microseconds(us) + nanoseconds(random_() % 1000);
  }

  std::vector<nanoseconds> some(std::size_t n) {
    std::vector<nanoseconds> all(n);
    std::generate(all.begin(), all.end(), [&] { return next(); });
    return all;
  }

 private:
  std::mt19937 random_;
};

latency_histogram histogram_of(const std::vector<nanoseconds>& latencies) {
  latency_histogram h;
  for (auto t : latencies)
    h.record(t);
  return h;
}

// `per_mille` in whole numbers, so that the rank is exact.
nanoseconds nearest_rank(const std::vector<nanoseconds>& sorted, std::size_t per_mille) {
  const auto rank = (per_mille * sorted.size() + 999) / 1000;
  return sorted[std::max<std::size_t>(rank, 1) - 1];
}

bool same(const latency_histogram& a, const latency_histogram& b) {
  for (std::size_t i = 0; i != latency_histogram::bucket_count; ++i)
    if (a.count_in(i) != b.count_in(i))
      return false;
  return a.count() == b.count() && a.sum() == b.sum();
}

} // namespace

TEST_CASE("every latency is in one bucket, and the buckets are in order", "[latency_histogram]") {
  for (std::size_t i = 0; i != latency_histogram::bucket_count; ++i) {
    INFO("bucket " << i);
    const auto last = latency_histogram::upper_bound(i);
    const auto first = i == 0 ? 0us : latency_histogram::upper_bound(i - 1) + 1us;
    REQUIRE(first <= last);
    CHECK(latency_histogram::bucket_of(first) == i);
    CHECK(latency_histogram::bucket_of(last) == i);
    CHECK(latency_histogram::bucket_of(last + 999ns) == i);
    CHECK(is_within_error(last, first));
  }
  CHECK(latency_histogram::upper_bound(latency_histogram::bucket_count - 1) == end_of_range);
}

TEST_CASE("below 8 us each microsecond has a bucket of its own", "[latency_histogram]") {
  for (auto us = 0us; us != 8us; ++us)
    CHECK(latency_histogram::upper_bound(latency_histogram::bucket_of(us)) == us);
}

TEST_CASE("the error bound holds over the whole range", "[latency_histogram]") {
  random_latencies random(random_seed());
  for (int i = 0; i != 100'000; ++i) {
    const auto t = random.next();
    latency_histogram h;
    h.record(t);
    INFO(t.count() << " ns");
    REQUIRE(is_within_error(latency_histogram::upper_bound(latency_histogram::bucket_of(t)), t));
    REQUIRE(is_within_error(h.percentile(50), t));
  }
}

TEST_CASE("percentiles are those of the sorted latencies, within the error", "[latency_histogram]") {
  random_latencies random(random_seed());
  for (std::size_t n : {1, 2, 3, 7, 10, 99, 100, 101, 1000, 10'000}) {
    auto latencies = random.some(n);
    const auto h = histogram_of(latencies);
    std::sort(latencies.begin(), latencies.end());
    for (std::size_t per_mille = 0; per_mille <= 1000; ++per_mille) {
      const double p = static_cast<double>(per_mille) / 10;
      INFO(p << " % of " << n);
      REQUIRE(is_within_error(h.percentile(p), nearest_rank(latencies, per_mille)));
    }
  }
}

TEST_CASE("a percentile whose rank is a whole number is that rank, not the next", "[latency_histogram]") {
  for (std::size_t n : {10, 40, 100, 200, 1000, 3000}) {
    for (std::size_t per_mille = 1; per_mille < 1000; ++per_mille) {
      if (per_mille * n % 1000 != 0)
        continue;
      latency_histogram h;
      const auto rank = per_mille * n / 1000;
      for (std::size_t i = 0; i != n; ++i)
        h.record(i < rank ? 1us : 5us);
      INFO(per_mille << " per mille of " << n);
      REQUIRE(h.percentile(static_cast<double>(per_mille) / 10) == 1us);
    }
  }
}

TEST_CASE("the least and the longest latency are the percentiles 0 and 100", "[latency_histogram]") {
  random_latencies random(random_seed());
  const auto latencies = random.some(1000);
  const auto h = histogram_of(latencies);
  const auto [least, longest] = std::minmax_element(latencies.begin(), latencies.end());
  CHECK(is_within_error(h.percentile(0), *least));
  CHECK(is_within_error(h.percentile(100), *longest));
  CHECK(h.percentile(-1) == h.percentile(0));
  CHECK(h.percentile(std::numeric_limits<double>::infinity()) == h.percentile(100));
}

TEST_CASE("percentiles of nothing are zero, and of one latency that one", "[latency_histogram]") {
  latency_histogram h;
  CHECK(h.count() == 0);
  CHECK(h.sum() == 0ns);
  for (double p : {0., 50., 100.})
    CHECK(h.percentile(p) == 0ns);
  h.record(1s);
  CHECK(h.count() == 1);
  CHECK(h.sum() == 1s);
  for (double p : {0., 50., 100.})
    CHECK(is_within_error(h.percentile(p), 1s));
}

TEST_CASE("the sum is of the latencies as they were", "[latency_histogram]") {
  random_latencies random(random_seed());
  const auto latencies = random.some(1000);
  nanoseconds sum{};
  for (auto t : latencies)
    sum += t;
  CHECK(histogram_of(latencies).sum() == sum);
}

TEST_CASE("zero is a latency, and a negative one counts as zero", "[latency_histogram]") {
  latency_histogram h;
  h.record(0ns);
  h.record(-1ns);
  h.record(-1h);
  h.record(nanoseconds::min());
  CHECK(h.count() == 4);
  CHECK(h.count_in(0) == 4);
  CHECK(h.sum() == 0ns);
  CHECK(h.percentile(100) == 0ns);
}

TEST_CASE("latencies beyond the range share the last bucket", "[latency_histogram]") {
  latency_histogram h;
  const std::vector<nanoseconds> beyond{end_of_range, end_of_range + 1us, 24h, nanoseconds::max()};
  for (auto t : beyond)
    h.record(t);
  CHECK(h.count_in(latency_histogram::bucket_count - 1) == beyond.size());
  CHECK(h.percentile(0) == end_of_range);
  CHECK(h.percentile(100) == end_of_range);
  CHECK(h.sum() == nanoseconds::max()); // and no overflow
}

TEST_CASE("merged histograms are the histogram of all that was recorded", "[latency_histogram]") {
  random_latencies random(random_seed());
  auto all = random.some(500);
  auto a = histogram_of(all);
  const auto more = random.some(700);
  a += histogram_of(more);
  all.insert(all.end(), more.begin(), more.end());
  CHECK(same(a, histogram_of(all)));

  a += latency_histogram();
  CHECK(same(a, histogram_of(all)));
  a += a;
  const auto once = all;
  all.insert(all.end(), once.begin(), once.end());
  CHECK(same(a, histogram_of(all)));
}

TEST_CASE("merging sums that are too long for a duration does not overflow", "[latency_histogram]") {
  auto a = histogram_of({nanoseconds::max()});
  a += a;
  CHECK(a.count() == 2);
  CHECK(a.sum() == nanoseconds::max());
}

TEST_CASE("a histogram is of one size, and recording does not throw", "[latency_histogram]") {
  STATIC_REQUIRE(sizeof(latency_histogram) <= 2048);
  STATIC_REQUIRE(sizeof(hotslot::queue_histograms) <= 10 * 1024);
  STATIC_REQUIRE(std::is_trivially_copyable_v<latency_histogram>); // so nothing of it is elsewhere
  STATIC_REQUIRE(noexcept(std::declval<latency_histogram&>().record(std::declval<nanoseconds>())));
}
