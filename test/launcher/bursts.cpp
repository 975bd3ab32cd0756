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

TEST_CASE_METHOD(pool_fixture, "after an overload as many calls are served as before", "[launcher]") {
  simulated_key k(scheduler, {.run_time = 100ms, .patience = 1s}, {.max_workers = 4, .idle_timeout = 1h});
  idle_workers(k, 4, 2s);
  const auto served_of = [&](int calls) {
    const auto before = k.served;
    for (int n = 0; n < calls; ++n) {
      k.call();
      run_for(scheduler, nanoseconds(10s) / calls);
    }
    run_for(scheduler, 2s);
    return k.served - before;
  };
  CHECK(served_of(300) == 300); // three quarters of what four can serve
  CHECK(served_of(4000) >= 400);
  CHECK(served_of(300) == 300);
}

TEST_CASE_METHOD(pool_fixture, "who has a worker started does not wait too much", "[launcher]") {
  simulated_key k(scheduler, {.run_time = 1s}, {.max_workers = 2, .idle_timeout = 1h});
  k.queue.limit_waiters(0);
  for (int i = 0; i < 3; ++i)
    k.call();
  run_for(scheduler, 1ms);
  CHECK(k.refused == 1);
  CHECK(k.last_error == hotslot::errc::queue_full);
  run_for(scheduler, 600ms);
  CHECK(k.queue.snapshot().busy == 2);
  k.call();
  run_for(scheduler, 1ms);
  CHECK(k.refused == 2); // both are busy
  run_for(scheduler, 2s);
  CHECK(k.served == 2);
}

TEST_CASE_METHOD(pool_fixture, "one waits for resources that others' idle workers have, where none may wait",
                 "[launcher]") {
  tracker machine(resources{.memory_mb = 100});
  const launcher_options options{.idle_timeout = 1h, .per_worker = {.memory_mb = 60}};
  simulated_key other(scheduler, {}, options, machine);
  idle_workers(other, 1);
  simulated_key k(scheduler, {.run_time = 1s}, options, machine);
  k.queue.limit_waiters(0);
  k.call();
  k.call();
  run_for(scheduler, 5s);
  CHECK(k.refused == 1);
  CHECK(k.served == 1);
  CHECK(other.alive() == 0);
}

TEST_CASE_METHOD(pool_fixture, "nobody waits for a start that is held back, where none may wait",
                 "[launcher]") {
  simulated_key k(scheduler, {}, {.idle_timeout = 1h, .failures_end = failure_scope::one});
  k.queue.limit_waiters(0);
  k.failing = true;
  run_for(scheduler, 1ms);
  k.call();
  run_for(scheduler, 510ms);
  CHECK(k.refused == 1);
  k.call();
  run_for(scheduler, 1ms);
  CHECK(k.refused == 2);
  CHECK(k.last_error == hotslot::errc::queue_full);
  k.failing = false;
  run_for(scheduler, 1s);
  k.call();
  run_for(scheduler, 1s);
  CHECK(k.served == 1);
}
