// When workers are started, and what becomes of starts that fail, hang or are needed no longer.
#include "catch.hpp"
#include "simulated_pool.hpp"

#include <algorithm>
#include <tuple>

TEST_CASE_METHOD(pool_fixture, "weaknesses 1 and 2: a call beside a long one gets a worker of its own",
                 "[launcher]") {
  simulated_key k(scheduler, {.run_time = 600s});
  k.call();
  run_for(scheduler, 1s);
  k.call();
  run_for(scheduler, 600ms);
  CHECK(k.queue.snapshot().busy == 2);
}

TEST_CASE_METHOD(pool_fixture, "weakness 5: what is decided is counted before it is decided again",
                 "[launcher]") {
  simulated_key k(scheduler, {}, {.starts = {.first_starts = 100}});
  for (int i = 0; i < 50; ++i) {
    k.call();
    run_for(scheduler, 1ms);
  }
  CHECK(k.attempts.size() == 50);
  run_for(scheduler, 2s);
  CHECK(k.attempts.size() == 50);
  CHECK(k.served == 50);
}

TEST_CASE_METHOD(pool_fixture, "weakness 12: a start that takes too long is given up, and its caller told",
                 "[launcher]") {
  simulated_key k(scheduler, {.start_time = 1h}, {.start_timeout = 5s, .failures_end = failure_scope::one});
  k.call();
  run_for(scheduler, 4900ms);
  CHECK(k.refused == 0);
  run_for(scheduler, 200ms);
  CHECK(k.refused == 1);
  CHECK(k.last_error == hotslot::errc::start_timeout);
  CHECK(k.cancelled_starts == 1);
  REQUIRE(k.launcher.last_failure());
  CHECK(k.launcher.last_failure()->in_a_row == 1);
}

TEST_CASE_METHOD(pool_fixture, "weakness 14: nobody waits for resources for a caller that has gone",
                 "[launcher]") {
  tracker t(resources{.memory_mb = 100});
  simulated_key holder(scheduler, {.run_time = 100s}, {.per_worker = {.memory_mb = 100}}, t);
  holder.call();
  run_for(scheduler, 600ms);
  simulated_key k(scheduler, {.patience = 1s}, {.per_worker = {.memory_mb = 100}}, t);
  k.call();
  run_for(scheduler, 500ms);
  CHECK(k.queue.snapshot().resource_waiters == 1);
  run_for(scheduler, 1s);
  CHECK(k.refused == 1);
  CHECK(k.queue.snapshot().resource_waiters == 0);
  run_for(scheduler, 200s);
  CHECK(k.attempts.empty());
}

TEST_CASE_METHOD(pool_fixture, "weakness 22 and pool weakness 6: a worker that always fails is tried rarely",
                 "[launcher]") {
  simulated_key k(scheduler, {.start_time = 10ms, .patience = 3s});
  k.failing = true;
  const auto begun = sim::clock::now();
  for (int i = 0; i < 100; ++i) {
    k.call();
    run_for(scheduler, 100ms);
  }
  const auto within =
      std::count_if(k.attempts.begin(), k.attempts.end(), [&](auto at) { return at - begun <= 10s; });
  CHECK(within <= 12);
  CHECK(within >= 5);
  CHECK(k.served == 0);
  run_for(scheduler, 3s);
  CHECK(k.refused == 100); // within their deadline, or at once
  for (const auto w : k.waits)
    CHECK(w <= 3s);
}

TEST_CASE_METHOD(pool_fixture,
                 "pool weakness 8: once starts succeed again, all are served within a second of the probe",
                 "[launcher]") {
  simulated_key k(scheduler, {.start_time = 10ms});
  k.failing = true;
  for (int i = 0; i < 80; ++i) {
    k.call();
    run_for(scheduler, 100ms);
  }
  k.failing = false;
  const auto tried = k.attempts.size();
  while (k.attempts.size() == tried) {
    k.call();
    run_for(scheduler, 100ms);
  }
  const auto probe = k.attempts.back();
  run_for(scheduler, 1s);
  CHECK(k.served > 0);
  CHECK(k.last_served - probe < 1s);
  CHECK(k.queue.snapshot().count(hotslot::queue_state::waiter) == 0);
  CHECK_FALSE(k.launcher.last_failure());
}

TEST_CASE_METHOD(pool_fixture, "while the breaker is open callers are refused at once, with the cause",
                 "[launcher]") {
  simulated_key k(scheduler, {.start_time = 10ms},
                  {.starts = {.breaker_failures = 3}, .failures_end = failure_scope::one});
  k.failing = true;
  for (const auto pause : {300ms, 500ms, 20ms}) {
    CHECK_FALSE(k.launcher.failure_now().value_or(hotslot::failure_view()).breaker_open);
    k.call();
    run_for(scheduler, pause);
  }
  REQUIRE(k.launcher.last_failure());
  CHECK(k.launcher.last_failure()->in_a_row == 3);
  k.waits.clear();
  k.call();
  run_for(scheduler, 0ms);
  REQUIRE(k.waits.size() == 1);
  CHECK(k.waits[0] == 0ns);
  CHECK(k.last_error == hotslot::errc::launch_failed);
  hotslot::queue_detail d;
  k.launcher.write_to(d);
  REQUIRE(d.failures.size() == 1);
  CHECK(d.failures[0].message == "no luck");
  CHECK(d.failures[0].retry_in > 0ns);
  CHECK(d.failures[0].breaker_open);
  run_for(scheduler, d.failures[0].retry_in);
  CHECK_FALSE(k.launcher.failure_now()->breaker_open);
}

TEST_CASE_METHOD(pool_fixture, "weakness 9: a failed start ends the waits that its scope says, and no others",
                 "[launcher]") {
  const auto [scope, after_one, after_three] =
      GENERATE(table<failure_scope, std::uint64_t, std::uint64_t>({{failure_scope::one, 1, 4},
                                                                   {failure_scope::all, 4, 4},
                                                                   {failure_scope::breaker, 0, 4},
                                                                   {failure_scope::deadline, 0, 4}}));
  CAPTURE(static_cast<int>(scope));
  launcher_options options{.max_workers = 2, .starts = {.breaker_failures = 3}, .failures_end = scope};
  simulated_key k(scheduler, {.start_time = 100ms}, options);
  k.call();
  run_for(scheduler, 50ms);
  k.failing = true;
  for (int i = 0; i < 3; ++i)
    k.call();
  run_for(scheduler, 55ms);
  CHECK(k.refused == after_one);
  run_for(scheduler, 2s);
  CHECK(k.refused == after_three);
  CHECK(k.served == 0);
}

TEST_CASE_METHOD(pool_fixture,
                 "pool weakness 7: a start goes on when its caller has gone, and the pool adopts it",
                 "[launcher]") {
  simulated_key k(scheduler, {.start_time = 500ms, .patience = 100ms});
  k.call();
  run_for(scheduler, 1s);
  CHECK(k.refused == 1);
  CHECK(k.queue.snapshot().idle == 1);
  CHECK(k.cancelled_starts == 0);
}

TEST_CASE_METHOD(pool_fixture, "every decision is kept with its reason", "[launcher]") {
  simulated_key k(scheduler, {}, {.starts = {.first_starts = 2}});
  for (int i = 0; i < 5; ++i)
    k.call();
  run_for(scheduler, 10s);
  const auto reasons = k.reasons();
  const auto told = [&](std::string_view what) {
    return std::any_of(reasons.begin(), reasons.end(),
                       [&](const auto& r) { return r.find(what) != std::string::npos; });
  };
  CHECK(told("wanted; 2 at once until one has succeeded"));
  CHECK(told("nobody waits"));
}

TEST_CASE_METHOD(pool_fixture, "a start timeout of 0 fails each start, and cancels none that has not begun",
                 "[starts]") {
  simulated_key k(scheduler, {}, {.start_timeout = 0ns});
  k.call();
  run_for(scheduler, 10ms);
  REQUIRE(k.launcher.last_failure());
  CHECK(k.launcher.last_failure()->code == hotslot::errc::start_timeout);
  CHECK(k.served == 0);
}
