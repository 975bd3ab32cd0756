#include "catch.hpp"
#include "fn_2018_table.hpp"

#include <hotslot/core/scaling.hpp>

using hotslot::demand;
using hotslot::fn_2018;
using hotslot::fn_2018_input;
using hotslot::queue_snapshot;
using hotslot::queue_state;

namespace {

std::uint64_t decide(fn_2018_input in) { return fn_2018(in).start; }

queue_snapshot counts(std::uint64_t waiters, std::uint64_t idle, std::uint64_t starters,
                      std::uint64_t reserving = 0, std::uint64_t busy = 0) {
  queue_snapshot s;
  s.states[static_cast<std::size_t>(queue_state::waiter)] = waiters;
  s.states[static_cast<std::size_t>(queue_state::starter)] = starters;
  s.states[static_cast<std::size_t>(queue_state::runner)] = busy;
  s.idle = idle;
  s.busy = busy;
  s.resource_waiters = reserving;
  return s;
}

} // namespace

TEST_CASE("fn_2018: every branch of the seed's decision", "[scaling]") {
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

TEST_CASE("fn_2018 decides as the seed for every combination of small values", "[scaling]") {
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
  using namespace std::chrono_literals;
  auto s = counts(2, 1, 0, 0, 1);
  CHECK(fn_2018(s).start == 0);
  s.latencies[static_cast<std::size_t>(queue_state::waiter)] = 999us;
  CHECK(fn_2018(s).start == 0);
  s.latencies[static_cast<std::size_t>(queue_state::waiter)] = 1ms;
  CHECK(fn_2018(s).start == 1);
}

TEST_CASE("weakness 1: demand starts a worker beside a long call that nothing was measured of", "[scaling]") {
  CHECK(fn_2018(counts(1, 0, 0, 0, 1)).start == 0); // the seed's stall
  CHECK(demand(counts(1, 0, 0, 0, 1)).start == 1);
}

TEST_CASE("weakness 3: demand starts none for a waiter that an idle slot is in reach of", "[scaling]") {
  CHECK(demand(counts(1, 1, 0)).start == 0);
}

TEST_CASE("demand is waiters less idle, starting and resource-awaiting workers", "[scaling]") {
  for (std::uint64_t w = 0; w < 4; ++w)
    for (std::uint64_t i = 0; i < 4; ++i)
      for (std::uint64_t s = 0; s < 4; ++s)
        for (std::uint64_t r = 0; r < 4; ++r)
          CHECK(demand(counts(w, i, s, r)).start == (w > i + s + r ? w - i - s - r : 0));
}
