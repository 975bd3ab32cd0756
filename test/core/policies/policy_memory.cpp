#include "catch.hpp"
#include "scaling_inputs.hpp"

#include <hotslot/policies/policy_memory.hpp>

using hotslot::detail::tick_window;
using hotslot::detail::ticker;
using hotslot::detail::traffic_meter;
using namespace std::chrono_literals;

TEST_CASE("ticker: at first asking, then each interval, those missed counted", "[scaling]") {
  ticker t(2s);
  CHECK(t.due(5s) == 1);
  CHECK(t.next() == 7s);
  CHECK(t.due(6999ms) == 0);
  CHECK(t.due(7s) == 1);
  CHECK(t.due(13s) == 3);
  CHECK(t.next() == 15s);
}

TEST_CASE("tick_window: the mean of the last samples", "[scaling]") {
  tick_window w(3);
  CHECK(w.mean() == 0);
  w.add(3, 1);
  w.add(6, 1);
  CHECK(w.mean() == 4.5);
  w.add(0, 1);
  w.add(9, 1);
  CHECK(w.mean() == 5);
  CHECK(w.mean(2) == 4.5);
  w.add(1, 1'000'000'000'000);
  CHECK(w.mean() == 1);
}

TEST_CASE("traffic_meter: arrivals are all who came, however they left", "[scaling]") {
  traffic_meter m;
  auto in = input({.waiting = 2, .now = 1s, .acquired = 10});
  CHECK(m.look(in).seconds == 0);
  in = input({.waiting = 1, .now = 3s, .acquired = 14});
  in.queue.totals.timed_out = 1;
  in.queue.totals.cancelled = 2;
  in.queue.totals.shed = 3;
  in.queue.totals.failed = 4;
  in.queue.totals.shed_overloaded = 5; // 15.10
  in.queue.totals.shed_late = 6;
  const auto r = m.look(in);
  CHECK(r.seconds == 2);
  CHECK(r.arrivals == 15 + 10 - 12 + 11);
}

TEST_CASE("traffic_meter: short calls by their number, long ones by their presence", "[scaling]") {
  traffic_meter m;
  m.look(input({.busy = 3}));
  // 20 calls of 100 ms in 2 s, none seen at the end
  CHECK(m.look(input({.now = 2s, .run = 100ms, .acquired = 20})).in_service == 1);
  // 4 in service, one of which began since: 3 were there all the time, the fourth for a run
  CHECK(m.look(input({.busy = 4, .now = 4s, .run = 500ms, .acquired = 21})).in_service == 3.25);
  // a run that is longer than the time looked at
  CHECK(m.look(input({.busy = 4, .now = 5s, .run = 10s, .acquired = 22})).in_service == 4);
  // no run measured
  CHECK(m.look(input({.busy = 2, .now = 6s, .acquired = 90})).in_service == 2);
}
