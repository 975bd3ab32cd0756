#include "catch.hpp"
#include "fn_2018_table.hpp"
#include "scaling_inputs.hpp"

#include <hotslot/policies/fn_policies.hpp>

using hotslot::fn_2018;
using hotslot::fn_2018_input;
using hotslot::fn_stall_check;
using namespace std::chrono_literals;

namespace {

std::uint64_t decide(fn_2018_input in) { return fn_2018(in).start; }

} // namespace

TEST_CASE("fn_2018: every branch of Fn's decision", "[scaling]") {
  using in = fn_2018_input;
  CHECK(decide(in{.waiters = 0, .starters = 0, .runners = 0, .wait_ms = 9, .start_ms = 0, .run_ms = 0}) == 0);
  CHECK(decide(in{.waiters = 2, .starters = 2, .runners = 0, .wait_ms = 9, .start_ms = 0, .run_ms = 0}) == 0);
  CHECK(decide(in{.waiters = 3, .starters = 1, .runners = 1, .wait_ms = 0, .start_ms = 0, .run_ms = 0}) == 1);
  // as many executors as waiters: only the latencies decide
  CHECK(decide(in{.waiters = 1, .starters = 0, .runners = 1, .wait_ms = 0, .start_ms = 9, .run_ms = 9}) == 0);
  CHECK(decide(in{.waiters = 1, .starters = 0, .runners = 4, .wait_ms = 5, .start_ms = 9, .run_ms = 8}) == 1);
  CHECK(decide(in{.waiters = 1, .starters = 0, .runners = 1, .wait_ms = 9, .start_ms = 9, .run_ms = 8}) == 1);
  CHECK(decide(in{.waiters = 1, .starters = 0, .runners = 1, .wait_ms = 9, .start_ms = 8, .run_ms = 9}) == 1);
  CHECK(decide(in{.waiters = 1, .starters = 0, .runners = 1, .wait_ms = 9, .start_ms = 9, .run_ms = 9}) == 0);
  // integers: 7 / 4 * 2 is 2, not 3.5
  CHECK(decide(in{.waiters = 1, .starters = 0, .runners = 4, .wait_ms = 3, .start_ms = 9, .run_ms = 7}) == 1);
}

TEST_CASE("fn_2018 decides as Fn for every combination of small values", "[scaling]") {
  REQUIRE(fn_2018_table.size() == 4 * 4 * 4 * 4 * 4 * 4 / 4);
  unsigned at = 0, wrong = 0;
  for (std::uint64_t waiters = 0; waiters < 4; ++waiters)
    for (std::uint64_t starters = 0; starters < 4; ++starters)
      for (std::uint64_t runners = 0; runners < 4; ++runners)
        for (std::uint64_t wait = 0; wait < 4; ++wait)
          for (std::uint64_t start = 0; start < 4; ++start)
            for (std::uint64_t run = 0; run < 4; ++run, ++at) {
              const char digit = fn_2018_table[at / 4];
              const int bits = digit <= '9' ? digit - '0' : digit - 'a' + 10;
              const std::uint64_t expected = (bits >> (3 - at % 4)) & 1;
              wrong += decide({waiters, starters, runners, wait, start, 2 * run}) != expected;
            }
  CHECK(wrong == 0);
}

TEST_CASE("fn_2018 counts idle and busy workers as runners, and whole milliseconds", "[scaling]") {
  counts c{.waiting = 2, .idle = 1, .busy = 1};
  CHECK(fn_2018(input(c)).start == 0);
  c.wait = 999us;
  CHECK(fn_2018(input(c)).start == 0);
  c.wait = 1ms;
  CHECK(fn_2018(input(c)).start == 1);
}

TEST_CASE("fn_2018 starts none where there is no room", "[scaling]") {
  CHECK(fn_2018(input({.waiting = 2, .busy = 1, .max_workers = 2})).start == 1);
  CHECK(fn_2018(input({.waiting = 2, .busy = 1, .max_workers = 1})).start == 0);
}

// Numbers as in fnproject/fn, api/agent/slots.go after pull request 677.
TEST_CASE("fn_stall_check: every branch", "[scaling]") {
  fn_stall_check policy;
  CHECK(policy(input({})).start == 0);
  CHECK(policy(input({.waiting = 2, .starting = 2})).start == 0);
  CHECK(policy(input({.waiting = 1})).start == 1);
  // nothing measured since: a stall, whatever the counts
  CHECK(policy(input({.waiting = 1, .busy = 1})).start == 1);
  // more waiters than workers are no reason any more; only latencies decide where they move
  CHECK(policy(input({.waiting = 9, .busy = 1, .run = 5ms})).start == 0);
  CHECK(policy(input({.waiting = 9, .busy = 1, .run = 6ms})).start == 0);
  CHECK(policy(input({.waiting = 9, .busy = 1, .run = 6ms})).start == 1);
  // also a decision for nobody is the last one
  CHECK(policy(input({.busy = 1, .run = 7ms})).start == 0);
  CHECK(policy(input({.waiting = 1, .busy = 1, .run = 7ms})).start == 1);
  CHECK(policy(input({.waiting = 1, .busy = 4, .run = 8ms, .start = 9ms, .wait = 5ms})).start == 1);
  CHECK(policy(input({.waiting = 1, .busy = 1, .run = 9ms, .start = 9ms, .wait = 9ms})).start == 0);
}

TEST_CASE("weakness 1: fn_stall_check looks again although nothing happens", "[scaling]") {
  fn_stall_check policy;
  CHECK(policy(input({.waiting = 1, .busy = 1, .now = 1s, .run = 5ms, .wait = 1ms})).again == 1200ms);
  CHECK(policy(input({.waiting = 1, .busy = 1, .now = 1200ms, .run = 5ms, .wait = 1ms})).start == 1);
  CHECK(policy(input({.busy = 1, .now = 2s})).again == std::chrono::nanoseconds::max());
}
