#include "catch.hpp"
#include "scaling_inputs.hpp"

#include <hotslot/policies/demand.hpp>
#include <hotslot/policies/fn_policies.hpp>

using hotslot::demand;
using hotslot::demand_rule;
using namespace std::chrono_literals;

TEST_CASE("weakness 1: demand starts a worker beside a long call that nothing was measured of", "[scaling]") {
  CHECK(fn_2018(input({.waiting = 1, .busy = 1})).start == 0); // Fn's stall
  CHECK(demand(input({.waiting = 1, .busy = 1})).start == 1);
}

TEST_CASE("weakness 3: demand starts none for a waiter that an idle slot is in reach of", "[scaling]") {
  CHECK(demand(input({.waiting = 1, .idle = 1})).start == 0);
}

TEST_CASE("demand without latencies is waiters less idle, starting and resource-awaiting workers",
          "[scaling]") {
  for (std::uint64_t w = 0; w < 5; ++w)
    for (std::uint64_t i = 0; i < 5; ++i)
      for (std::uint64_t s = 0; s < 5; ++s)
        for (std::uint64_t r = 0; r < 5; ++r)
          for (std::uint64_t room = 0; room < 5; ++room) {
            const std::uint64_t missing = w > i + s + r ? w - i - s - r : 0;
            CHECK(demand(input({.waiting = w,
                                .idle = i,
                                .starting = s,
                                .reserving = r,
                                .max_workers = i + s + r + room}))
                      .start == std::min(missing, room));
          }
}

TEST_CASE("demand holds back whom a busy worker serves no later than a start: k * run / N <= start",
          "[scaling]") {
  for (std::uint64_t w = 0; w < 16; ++w)
    for (std::uint64_t i = 0; i < 3; ++i)
      for (std::uint64_t u = 0; u < 3; ++u)
        for (std::uint64_t b = 0; b < 4; ++b)
          for (int run_ms : {1, 3, 10, 40, 100}) {
            std::uint64_t expected = 0; // counted one by one; a worker under way takes one each
            for (std::uint64_t k = 1; k + i + u <= w; ++k)
              expected += i + b == 0 || k * static_cast<std::uint64_t>(run_ms) > 300 * (i + b);
            const auto in = input({.waiting = w,
                                   .idle = i,
                                   .starting = u,
                                   .busy = b,
                                   .run = std::chrono::milliseconds(run_ms),
                                   .start = 300ms});
            INFO(w << " wait, " << i << " idle, " << u << " under way, " << b << " busy, " << run_ms
                   << " ms");
            CHECK(demand(in).start == expected);
          }
}

TEST_CASE("demand holds nobody back beyond the earliest deadline", "[scaling]") {
  // 2 workers, 20 ms: the last of 10 is served in 100 ms
  counts c{.waiting = 10, .busy = 2, .now = 1s, .run = 20ms, .start = 500ms, .next_deadline = 1100ms};
  CHECK(demand(input(c)).start == 0);
  c.next_deadline = 1099ms;
  CHECK(demand(input(c)).start == 10);
}

TEST_CASE("demand does not take callers that a deadline freed for held back", "[scaling]") {
  demand_rule policy;
  counts c{.waiting = 1, .busy = 1, .run = 20ms, .start = 500ms, .next_deadline = 10ms};
  CHECK(policy(input(c)).start == 1);
  c.now = 600ms;
  c.next_deadline = 10s;
  CHECK(policy(input(c)).start == 0);
}

TEST_CASE("demand does not believe a forecast for longer than a start takes", "[scaling]") {
  demand_rule policy;
  counts c{.waiting = 1, .busy = 1, .now = 1s, .run = 20ms, .start = 500ms, .acquired = 7};
  auto d = policy(input(c));
  CHECK(d.start == 0);
  CHECK(d.again == 1500ms);
  c.now = 1499ms;
  CHECK(policy(input(c)).start == 0);
  c.now = 1500ms; // the worker is in a long call
  CHECK(policy(input(c)).start == 1);
  c.starting = 1;
  CHECK(policy(input(c)).start == 0);
}

TEST_CASE("demand believes a forecast as long as half of it comes true", "[scaling]") {
  demand_rule policy;
  counts c{.waiting = 20, .busy = 1, .run = 20ms, .start = 500ms};
  for (int n = 0; n != 100; ++n) {
    c.now += 490ms;
    c.acquired += 10;
    CHECK(policy(input(c)).start == 0);
  }
  c.now += 490ms;
  c.acquired += 9;
  CHECK(policy(input(c)).start == 0);
  c.now += 10ms;
  CHECK(policy(input(c)).start == 20);
}

TEST_CASE("demand forgets that it held callers back when nobody is missing", "[scaling]") {
  demand_rule policy;
  CHECK(policy(input({.waiting = 1, .busy = 1, .run = 20ms, .start = 500ms})).start == 0);
  CHECK(policy(input({.busy = 1, .now = 400ms, .run = 20ms, .start = 500ms})).start == 0);
  CHECK(policy(input({.waiting = 1, .busy = 1, .now = 600ms, .run = 20ms, .start = 500ms})).start == 0);
}

TEST_CASE("demand says why in numbers", "[scaling]") {
  CHECK(to_string(demand(input({.waiting = 3, .busy = 1, .run = 100ms, .start = 200ms})).reason) ==
        "3 wait, 0 workers are on their way, and 2 calls are served by the 1 there before a start of 200 ms");
  CHECK(to_string(demand(input({.waiting = 3, .busy = 1, .max_workers = 2})).reason) ==
        "3 more workers are wanted, there is room for 1 of at most 2");
  CHECK(
      to_string(demand(input({.waiting = 3, .busy = 1, .run = 100ms, .start = 200ms, .next_deadline = 199ms}))
                    .reason) ==
      "3 wait, and the 1 workers there would serve 2 of them after the earliest deadline");
}
