#include "catch.hpp"
#include "scaling_inputs.hpp"

#include <hotslot/policies/little.hpp>

using hotslot::little;
using namespace std::chrono_literals;

// 100 calls a second of 100 ms each are a load of 10: ceil(10 + sqrt(10)) = 14.
TEST_CASE("little: a step from no calls to 100 a second, and back", "[scaling]") {
  little policy;
  CHECK(policy(input({.now = 0s, .run = 100ms})).start == 0);
  CHECK(policy(input({.busy = 4, .now = 1s, .run = 100ms, .acquired = 100})).start == 10);
  CHECK(policy(input({.starting = 7, .reserving = 2, .busy = 4, .now = 2s, .run = 100ms, .acquired = 200}))
            .start == 1);
  CHECK(policy(input({.idle = 4, .busy = 10, .now = 3s, .run = 100ms, .acquired = 300})).start == 0);
  // the mean of 10 s sinks to 0 within 10 s; the surplus begins where 14 > 1.25 * want:
  // want is ceil(a + sqrt(a)) = 11 at a load of 7.5, after 100 * 3 / 4
  for (auto t = 4s; t != 64s; t += 1s)
    CHECK(policy(input({.idle = 14, .now = t, .run = 100ms, .acquired = 300})).eject == 0);
  CHECK(policy(input({.idle = 9, .busy = 5, .now = 64s, .run = 100ms, .acquired = 300})).eject == 9);
}

TEST_CASE("little ends workers where there were too many for all of the window", "[scaling]") {
  little policy;
  for (auto t = 0s; t != 50s; t += 1s)
    CHECK(policy(input({.idle = 4, .now = t, .run = 100ms})).eject == 0);
  CHECK(policy(input({.now = 50s, .run = 100ms})).eject == 0);
  for (auto t = 51s; t != 111s; t += 1s)
    CHECK(policy(input({.idle = 4, .now = t, .run = 100ms})).eject == 0);
  CHECK(policy(input({.idle = 4, .now = 111s, .run = 100ms})).eject == 4);
}

TEST_CASE("little: more are kept for more safety", "[scaling]") {
  little policy({.safety = 2});
  policy(input({.now = 0s, .run = 100ms}));
  CHECK(policy(input({.now = 1s, .run = 100ms, .acquired = 100})).start == 17); // ceil(10 + 2 * sqrt(10))
}

TEST_CASE("little: what is not measured yet is taken from the calls that are there", "[scaling]") {
  little policy;
  CHECK(policy(input({.waiting = 4, .now = 0s, .run = 100ms})).start == 6);         // no rate
  CHECK(policy(input({.waiting = 2, .idle = 1, .busy = 2, .now = 1s})).start == 3); // no run
}

TEST_CASE("weakness 1: little sees the long calls that no average knows of yet", "[scaling]") {
  little policy;
  for (auto t = 0s; t != 10s; t += 1s)
    policy(input({.idle = 9, .now = t, .run = 20ms, .acquired = 7}));
  // in the tick in which they begin they are taken for short ones
  std::uint64_t wanted = 0;
  for (auto t = 10s; t != 21s; t += 1s)
    wanted = policy(input({.waiting = 1, .busy = 10, .now = t, .run = 20ms, .acquired = 17})).start + 10;
  CHECK(wanted == 14); // ceil(10 + sqrt(10))
}

TEST_CASE("little counts arrivals that were refused or gave up", "[scaling]") {
  little policy;
  policy(input({.now = 0s, .run = 1s}));
  auto in = input({.now = 1s, .run = 1s});
  in.queue.totals.timed_out = 2;
  in.queue.totals.shed = 2;
  CHECK(policy(in).start == 6); // ceil(4 + 2)
}

TEST_CASE("little starts one at once for those who wait with no worker at all", "[scaling]") {
  little policy;
  CHECK(policy(input({.now = 0s})).start == 0);
  CHECK(policy(input({.waiting = 9, .now = 500ms})).start == 1);
  CHECK(policy(input({.waiting = 9, .starting = 1, .now = 600ms})).start == 0);
}
