#include "catch.hpp"

#include <hotslot/detail/queue/slot_stats.hpp>

using namespace std::chrono_literals;
using hotslot::queue_state;
using hotslot::slot_stats;

TEST_CASE("states are entered and left", "[slot_stats]") {
  slot_stats stats;
  CHECK(stats.is_idle());
  for (auto s : {queue_state::runner, queue_state::starter, queue_state::waiter}) {
    stats.enter(s);
    stats.enter(s);
    CHECK_FALSE(stats.is_idle());
    CHECK(stats.count(s) == 2);
    CHECK(stats.exit(s));
    CHECK(stats.exit_with_latency(s, 1ms));
    CHECK(stats.is_idle());
  }
}

TEST_CASE("weakness 23: leaving a state that nobody is in is reported and changes nothing", "[slot_stats]") {
  slot_stats stats;
  CHECK_FALSE(stats.exit(queue_state::runner));
  CHECK_FALSE(stats.exit_with_latency(queue_state::runner, 1s));
  CHECK(stats.count(queue_state::runner) == 0);
  stats.record_latency(queue_state::runner,
                       10ms); // would be the second sample if the failed exit had counted
  CHECK(stats.latency(queue_state::runner) == 0ns);
}

TEST_CASE("latencies: the first sample is ignored, each later one counts half", "[slot_stats]") {
  slot_stats stats;
  auto record = [&](std::chrono::nanoseconds t) { stats.record_latency(queue_state::waiter, t); };
  auto mean = [&] { return stats.latency(queue_state::waiter); };
  record(50ms);
  CHECK(mean() == 0ms);
  record(100ms);
  CHECK(mean() == 50ms);
  record(100ms);
  CHECK(mean() == 75ms);
  record(0ms);
  CHECK(mean() == 37500us);
  CHECK(stats.latency(queue_state::runner) == 0ms);
  CHECK(stats.latency(queue_state::starter) == 0ms);
}
