#include "catch.hpp"
#include "scaling_inputs.hpp"

#include <hotslot/policies/uwsgi_busyness.hpp>

#include <utility>

using hotslot::uwsgi_busyness;
using namespace std::chrono_literals;

namespace {

/// When the policy, asked each second from `from` on, first ejects; `until` where it does not.
std::chrono::seconds first_ejection(uwsgi_busyness& policy, std::chrono::seconds from,
                                    std::chrono::seconds until, std::uint64_t idle) {
  while (from < until && policy(at(from, idle, 0)).eject == 0)
    from += 1s;
  return from;
}

} // namespace

// Worked out by hand from unbit/uwsgi, plugins/cheaper_busyness/cheaper_busyness.c, with its defaults: cycles
// of 3 s, 25 to 50 %, multiplier 10, penalty 2.
TEST_CASE("uwsgi_busyness: one more a busy cycle, one less after ten idle ones, later where that was early",
          "[scaling]") {
  uwsgi_busyness policy;
  CHECK(policy(at(0s, 0, 1)).start == 1);
  CHECK(policy(at(1s, 0, 2)).start == 0);
  CHECK(policy(at(3s, 0, 2)).start == 1);
  CHECK(policy(at(6s, 1, 2)).start == 1);                 // 67 %
  CHECK(first_ejection(policy, 7s, 99s, 4) == 36s);       // 30 s after the last start
  CHECK(policy(at(39s, 0, 3)).start == 1);                // so that was early: the multiplier is 12
  CHECK(first_ejection(policy, 40s, 199s, 4) == 75s);     // 36 s
  CHECK(first_ejection(policy, 76s, 199s, 3) == 111s);    // 36 s; the second in a row: 11
  CHECK(first_ejection(policy, 112s, 199s, 2) == 144s);   // 33 s
  CHECK(first_ejection(policy, 145s, 1000s, 1) == 1000s); // the last one stays
}

TEST_CASE("uwsgi_busyness: cycles between the limits put an ejection off", "[scaling]") {
  for (const int even : {1, 2, 3, 4}) {
    uwsgi_busyness policy;
    CHECK(policy(at(0s, 0, 1)).start == 1); // not before 30 s
    CHECK(policy(at(3s, 3, 0)).eject == 0);
    auto t = 6s;
    for (int n = 0; n != even; ++n, t += 3s)
      CHECK(policy(at(t, 2, 1)).start == 0); // 33 %: a cycle later each
    // from the third on, 30 s from then
    const auto expected = even < 3 ? 30s + even * 3s : t - 3s + 30s;
    CHECK(first_ejection(policy, t, 99s, 3) == expected);
  }
}

TEST_CASE("uwsgi_busyness: an ejection was early for as many whole cycles as the multiplier", "[scaling]") {
  for (const auto& [busy, wait] : {std::pair(60s, 36s), std::pair(63s, 30s)}) {
    uwsgi_busyness policy;
    CHECK(policy(at(0s, 0, 1)).start == 1);
    CHECK(first_ejection(policy, 1s, 99s, 2) == 30s);
    CHECK(first_ejection(policy, 31s, busy, 1) == busy);
    CHECK(policy(at(busy, 0, 1)).start == 1);
    CHECK(first_ejection(policy, busy + 1s, 199s, 2) == busy + wait);
  }
}

TEST_CASE("uwsgi_busyness counts workers on their way", "[scaling]") {
  uwsgi_busyness policy;
  auto in = at(0s, 0, 2);
  in.queue.states[static_cast<std::size_t>(hotslot::queue_state::starter)] = 2;
  CHECK(policy(in).start == 0); // 50 %
}

TEST_CASE("uwsgi_busyness: emergency workers for more than 33 waiting calls, one a second", "[scaling]") {
  uwsgi_busyness policy;
  CHECK(policy(at(0s, 1, 1)).start == 0);
  CHECK(policy(at(1s, 1, 1, 33)).start == 0);
  CHECK(policy(at(1100ms, 1, 1, 34)).start == 1);
  CHECK(policy(at(1200ms, 1, 1, 34)).start == 0);
  CHECK(policy(at(2100ms, 1, 1, 34)).start == 1);
  // they end after three idle cycles each
  CHECK(first_ejection(policy, 3s, 99s, 4) == 12s);
  CHECK(first_ejection(policy, 13s, 99s, 3) == 21s);
}

TEST_CASE("uwsgi_busyness: an emergency makes it forget what it learnt, and is over with its workers",
          "[scaling]") {
  uwsgi_busyness policy;
  CHECK(policy(at(0s, 0, 1)).start == 1);
  CHECK(first_ejection(policy, 1s, 99s, 2) == 30s);
  CHECK(policy(at(33s, 0, 1)).start == 1); // too early: the multiplier is 12
  CHECK(policy(at(34s, 1, 1, 34)).start == 1);
  CHECK(first_ejection(policy, 35s, 99s, 3) == 45s); // 9 s after the emergency
  CHECK(first_ejection(policy, 46s, 99s, 3) == 54s); // 9 s
  CHECK(first_ejection(policy, 55s, 99s, 3) == 84s); // 30 s: the multiplier is 10
}

TEST_CASE("uwsgi_busyness: an emergency worker for calls that have waited for a minute", "[scaling]") {
  uwsgi_busyness policy;
  for (auto t = 0s; t != 60s; t += 1s)
    CHECK(policy(at(t, 1, 1, 1)).start == 0);
  CHECK(policy(at(60s, 1, 1, 1)).start == 1);
  CHECK(policy(at(61s, 2, 1, 1)).start == 0);
}

TEST_CASE("uwsgi_busyness starts one at once for those who wait with no worker at all", "[scaling]") {
  uwsgi_busyness policy;
  CHECK(policy(at(0s, 0, 0, 1)).start == 1);
  CHECK(policy(at(1s, 0, 0, 1)).start == 1);
  CHECK(policy(at(2s, 0, 0)).start == 0);
}
