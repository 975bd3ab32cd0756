#include "catch.hpp"

#include <hotslot/policies/backoff.hpp>
#include <hotslot/resources.hpp>

using namespace std::chrono_literals;
using hotslot::backoff_delay;
using hotslot::backoff_options;

TEST_CASE("delays double from 100 ms to 5 s, jitter only adds", "[backoff]") {
  const backoff_options options;
  const std::chrono::nanoseconds plain[] = {100ms, 200ms, 400ms, 800ms, 1600ms, 3200ms, 5s, 5s};
  std::uint32_t failures = 0;
  for (auto delay : plain) {
    ++failures;
    CHECK(backoff_delay(options, failures, 0) == delay);
    for (std::uint32_t random : {1u, 512u, 1023u, 0xffffffffu}) {
      CHECK(backoff_delay(options, failures, random) >= delay);
      CHECK(backoff_delay(options, failures, random) <=
            std::min<std::chrono::nanoseconds>(delay * 5 / 4, 5s));
    }
  }
  CHECK(backoff_delay(options, 4'000'000'000u, 7) == 5s);
}

// 15.17
TEST_CASE("delays never are negative, nor shrink, whatever the bounds", "[backoff]") {
  using ns = std::chrono::nanoseconds;
  for (const auto most : {ns(1), ns(99), ns(5s), ns(std::chrono::hours(24 * 365)), ns::max()})
    for (const auto first : {ns(0), ns(1), ns(100ms)}) {
      ns before{};
      for (std::uint32_t n = 1; n < 200; ++n) {
        const auto delay = backoff_delay({.first = std::min(first, most), .most = most}, n, 1023);
        CHECK(delay >= before);
        CHECK(delay <= most);
        before = delay;
      }
      CHECK((before == most || first == ns(0)));
    }
  CHECK(backoff_delay({.first = 0ns, .most = 5s}, 4'000'000'000u, 7) == 0ns);
}

TEST_CASE("headroom is a tenth between 256 MB and 5 GB", "[resources]") {
  CHECK(hotslot::memory_headroom_mb(1000) == 256);
  CHECK(hotslot::memory_headroom_mb(10000) == 1000);
  CHECK(hotslot::memory_headroom_mb(1000000) == 5120);
}
