// Bursts of calls on a launcher with the default policy, beside Fn's.
#include "catch.hpp"
#include "simulated_pool.hpp"

#include <algorithm>
#include <cmath>

namespace {

struct outcome {
  std::uint64_t started = 0;
  nanoseconds last{};      ///< When the last call was served.
  bool late_start = false; ///< A start began after the last call had its worker.
};

constexpr nanoseconds start_time = 500ms, run_time = 20ms;

outcome burst(const hotslot::scaling_policy& policy, std::uint64_t calls) {
  sim::scheduler scheduler(1, 0);
  simulated_key k(scheduler, {.start_time = start_time, .run_time = run_time},
                  {.policy = policy, .idle_timeout = 1h});
  const auto begun = sim::clock::now();
  for (std::uint64_t n = 0; n != calls; ++n)
    k.call();
  run_for(scheduler, 300s);
  REQUIRE(k.served == calls);
  outcome o{.started = k.attempts.size()};
  if (calls != 0) {
    o.last = k.last_served - begun;
    o.late_start = k.attempts.back() > k.last_served - run_time;
  }
  return o;
}

} // namespace

TEST_CASE("a burst starts no more workers than calls, none too late, and is served in time", "[bursts]") {
  for (std::uint64_t calls = 0; calls <= 200; ++calls) {
    CAPTURE(calls);
    const auto o = burst(hotslot::demand, calls);
    REQUIRE(o.started <= calls);
    REQUIRE_FALSE(o.late_start);
    if (calls == 0)
      continue;
    const double turns = std::ceil(static_cast<double>(calls) / static_cast<double>(o.started));
    const auto bound = start_time + std::chrono::duration_cast<nanoseconds>(turns * run_time * 1.1);
    REQUIRE(o.last <= bound);
  }
}

TEST_CASE("Fn's policy serves the same bursts, by more and later starts", "[bursts]") {
  const auto seed = burst([](const hotslot::scaling_input& in) { return hotslot::fn_2018(in); }, 100);
  const auto ours = burst(hotslot::demand, 100);
  CHECK(ours.last <= seed.last);
}
