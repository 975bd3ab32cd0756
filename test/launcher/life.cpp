// How long workers live, and how many are kept.
#include "catch.hpp"
#include "simulated_pool.hpp"

#include <algorithm>
#include <set>

TEST_CASE_METHOD(pool_fixture, "the minimum of idle workers is started from the beginning, and kept up",
                 "[launcher]") {
  simulated_key k(scheduler, {.run_time = 10s}, {.min_idle = 2, .idle_timeout = 1s});
  run_for(scheduler, 600ms);
  CHECK(k.queue.snapshot().idle == 2);
  k.call();
  run_for(scheduler, 600ms);
  CHECK(k.queue.snapshot().idle == 2);
  CHECK(k.queue.snapshot().busy == 1);
  run_for(scheduler, 30s);
  CHECK(k.queue.snapshot().idle == 2); // the third was idle for too long
  CHECK(k.attempts.size() == 3);
  CHECK(k.waits.at(0) == 0ns);
}

TEST_CASE_METHOD(pool_fixture, "idle workers end within a sixteenth of their timeout, oldest first",
                 "[launcher]") {
  simulated_key k(scheduler, {}, {.idle_timeout = 16s});
  idle_workers(k, 3);
  run_for(scheduler, 10s);
  k.call();
  run_for(scheduler, 5900ms);
  CHECK(k.alive() == 3);
  run_for(scheduler, 1100ms);
  CHECK(k.alive() == 1);
  CHECK(k.queue.snapshot().totals.ejected_idle == 2);
  run_for(scheduler, 16s);
  CHECK(k.alive() == 0);
}

TEST_CASE_METHOD(pool_fixture, "workers end of old age, not all at once and not in a call", "[launcher]") {
  simulated_key k(scheduler, {.run_time = 20ms},
                  {.idle_timeout = 1h, .max_lifetime = 100s, .lifetime_jitter_percent = 50});
  idle_workers(k, 8);
  run_for(scheduler, 49s);
  CHECK(k.alive() == 8);
  k.does.run_time = 100s;
  k.call();
  run_for(scheduler, 52s);
  CHECK(k.alive() == 1);
  run_for(scheduler, 100s);
  CHECK(k.alive() == 0);
  CHECK(k.served == 9);
  CHECK(k.queue.snapshot().totals.ejected_aged == 8);
  std::set<sim::clock::time_point> ends;
  for (const auto& w : k.workers)
    ends.insert(w->closed);
  CHECK(ends.size() > 4);
}

TEST_CASE_METHOD(pool_fixture, "workers end after their number of calls", "[launcher]") {
  simulated_key k(scheduler, {}, {.max_workers = 1, .max_calls = 3});
  for (int i = 0; i < 7; ++i)
    k.call();
  run_for(scheduler, 5s);
  CHECK(k.served == 7);
  CHECK(k.attempts.size() == 3);
  CHECK(k.queue.snapshot().totals.ejected_worn == 2);
}

TEST_CASE_METHOD(pool_fixture, "recycling replaces all workers of now, as many at a time as is said",
                 "[launcher]") {
  simulated_key k(scheduler, {}, {.min_idle = 6, .idle_timeout = 1h});
  run_for(scheduler, 600ms);
  REQUIRE(k.alive() == 6);
  k.launcher.recycle(2);
  std::uint64_t least = 6;
  for (int i = 0; i < 200; ++i) {
    run_for(scheduler, 20ms);
    least = std::min(least, k.alive());
  }
  CHECK(least == 4);
  CHECK(k.alive() == 6);
  CHECK(k.workers.size() == 12);
  for (int i = 0; i < 6; ++i)
    CHECK(k.workers[i]->closes == 1);
  CHECK(k.queue.snapshot().totals.ejected_recycled == 6);
  run_for(scheduler, 10s);
  CHECK(k.workers.size() == 12);
}

TEST_CASE_METHOD(pool_fixture, "a detached worker holds up no recycling", "[launcher]") {
  simulated_key k(scheduler, {}, {.idle_timeout = 1h});
  idle_workers(k, 3);
  auto mine = k.queue.try_acquire();
  REQUIRE(mine);
  auto detached = mine.detach();
  k.launcher.recycle();
  run_for(scheduler, 10s);
  CHECK(k.queue.snapshot().totals.ejected_recycled == 2);
}

TEST_CASE_METHOD(pool_fixture, "recycled all at once, idle workers end now and busy ones after their call",
                 "[launcher]") {
  simulated_key k(scheduler, {}, {.idle_timeout = 1h});
  idle_workers(k, 3);
  k.call();
  run_for(scheduler, 1ms);
  REQUIRE(k.queue.snapshot().busy == 1);
  k.launcher.recycle(std::numeric_limits<std::uint64_t>::max());
  run_for(scheduler, 1ms);
  CHECK(k.alive() == 1);
  CHECK(k.queue.snapshot().idle == 0);
  run_for(scheduler, 1s);
  CHECK(k.served == 4);
  CHECK(k.alive() == 0);
  CHECK(k.workers.size() == 3); // none is started before it is needed
  CHECK(k.queue.snapshot().totals.ejected_recycled == 3);
  k.call();
  run_for(scheduler, 1s);
  CHECK(k.served == 5);
  CHECK(k.alive() == 1);
}

TEST_CASE_METHOD(pool_fixture, "idle workers are paused after a while, and resumed for their caller",
                 "[launcher]") {
  simulated_key k(scheduler, {}, {.idle_timeout = 1h, .pause_after = 50ms});
  idle_workers(k, 3);
  run_for(scheduler, 60ms);
  for (const auto& w : k.workers)
    CHECK(w->paused);
  k.call();
  run_for(scheduler, 10ms);
  CHECK(std::count_if(k.workers.begin(), k.workers.end(), [](const auto& w) { return w->paused; }) == 2);
  run_for(scheduler, 10ms + 60ms);
  CHECK(std::count_if(k.workers.begin(), k.workers.end(), [](const auto& w) { return w->paused; }) == 3);
  for (const auto& w : k.workers)
    CHECK_FALSE(w->used_while_paused);
  CHECK(k.workers.at(0)->pauses + k.workers.at(1)->pauses + k.workers.at(2)->pauses == 4);
}

TEST_CASE_METHOD(pool_fixture, "a paused worker is closed when it has been idle for too long", "[launcher]") {
  simulated_key k(scheduler, {}, {.idle_timeout = 1s, .pause_after = 50ms});
  idle_workers(k, 2);
  run_for(scheduler, 2s);
  CHECK(k.alive() == 0);
}

TEST_CASE_METHOD(pool_fixture, "new options are in force from now on, and disturb nobody", "[launcher]") {
  simulated_key k(scheduler, {.run_time = 10s}, {.max_workers = 1, .idle_timeout = 1h});
  k.call();
  k.call();
  run_for(scheduler, 1s);
  CHECK(k.queue.snapshot().busy == 1);
  CHECK(k.attempts.size() == 1);
  k.launcher.reconfigure({.max_workers = 2, .min_idle = 0, .idle_timeout = 1s});
  run_for(scheduler, 600ms);
  CHECK(k.queue.snapshot().busy == 2);
  run_for(scheduler, 20s);
  CHECK(k.served == 2);
  CHECK(k.alive() == 0);
}

TEST_CASE_METHOD(pool_fixture,
                 "workers beyond a maximum that was lowered end: idle ones at once, others after their call",
                 "[launcher]") {
  simulated_key k(scheduler, {}, {.idle_timeout = 1h});
  idle_workers(k, 5);
  k.queue_by_hand();
  begin_calls(k, 4, 1s);
  k.launcher.reconfigure({.max_workers = 2, .idle_timeout = 1h});
  run_for(scheduler, 1ms);
  CHECK(k.queue.snapshot().idle == 0);
  CHECK(k.alive() == 4);
  run_for(scheduler, 2s);
  CHECK(k.alive() == 2);
  CHECK(k.served == 9);
  CHECK(k.queue.snapshot().totals.ejected_surplus == 4);
  run_for(scheduler, 1min);
  CHECK(k.alive() == 2);
}

TEST_CASE_METHOD(pool_fixture, "a maximum that was lowered and raised again ends nobody who is in a call",
                 "[launcher]") {
  simulated_key k(scheduler, {}, {.idle_timeout = 1h});
  idle_workers(k, 4);
  begin_calls(k, 4, 1s);
  k.launcher.reconfigure({.max_workers = 1, .idle_timeout = 1h});
  run_for(scheduler, 1ms);
  k.launcher.reconfigure({.max_workers = 4, .idle_timeout = 1h});
  run_for(scheduler, 2s);
  CHECK(k.alive() == 4);
  CHECK(k.queue.snapshot().totals.ejected_surplus == 0);
}

TEST_CASE_METHOD(pool_fixture, "with a maximum of zero callers wait until it is raised", "[launcher]") {
  simulated_key k(scheduler, {}, {.max_workers = 0});
  for (int i = 0; i < 3; ++i)
    k.call();
  run_for(scheduler, 1min);
  CHECK(k.workers.empty());
  CHECK(k.refused == 0);
  k.launcher.reconfigure({.max_workers = 2});
  run_for(scheduler, 10s);
  CHECK(k.served == 3);
}

TEST_CASE_METHOD(pool_fixture, "what was queued by hand is not ended for a maximum", "[launcher]") {
  simulated_key k(scheduler, {}, {.max_workers = 1, .idle_timeout = 1h});
  for (int i = 0; i < 3; ++i)
    k.queue_by_hand();
  run_for(scheduler, 1s);
  k.call();
  run_for(scheduler, 1s);
  CHECK(k.alive() == 3);
}
