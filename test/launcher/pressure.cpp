// What goes wrong around a launcher, and must not cost a pool: factories that throw, resources that shrink,
// starts that fail while workers are replaced.
#include "catch.hpp"
#include "simulated_pool.hpp"

#include <hotslot/policies/php_fpm_dynamic.hpp>

#include <limits>

namespace pressure_test {
namespace {

constexpr resources hundred{.memory_mb = 100};

std::uint64_t waiting(const simulated_key& k) {
  return k.queue.snapshot().count(hotslot::queue_state::waiter);
}

} // namespace

// 15.1
TEST_CASE_METHOD(pool_fixture,
                 "one waiting request costs another account one worker, however long it takes to end",
                 "[pressure]") {
  tracker t(resources{.memory_mb = 400});
  simulated_key a(scheduler, {.run_time = 50ms, .stop_time = 600ms},
                  {.idle_timeout = 1h, .per_worker = hundred}, t);
  simulated_key b(scheduler, {.run_time = 1h}, {.idle_timeout = 1h, .per_worker = hundred}, t);
  for (int i = 0; i < 2000; ++i)
    a.call();
  run_for(scheduler, 1s);
  REQUIRE(a.queue.snapshot().busy == 4);
  b.call();
  run_for(scheduler, 300ms);
  CHECK(a.alive() == 3);
  run_for(scheduler, 5s);
  CHECK(b.queue.snapshot().busy == 1);
  CHECK(a.alive() == 3);
}

// 15.2
TEST_CASE_METHOD(pool_fixture, "recycling stops where starts fail, and goes on when they succeed",
                 "[pressure]") {
  const std::uint64_t at_a_time = GENERATE(1u, 2u);
  simulated_key k(scheduler, {.start_time = 1ms}, {.min_idle = 6, .idle_timeout = 1h});
  run_for(scheduler, 600ms);
  REQUIRE(k.alive() == 6);
  k.failing = true;
  k.launcher.recycle(at_a_time);
  run_for(scheduler, 60s);
  CHECK(k.alive() == 6 - at_a_time);
  k.failing = false;
  run_for(scheduler, 60s);
  CHECK(k.alive() == 6);
  for (int i = 0; i < 6; ++i)
    CHECK(k.workers[i]->closes == 1);
}

// 15.3
TEST_CASE_METHOD(pool_fixture, "a factory that throws before it returns its awaitable is a failed start",
                 "[pressure]") {
  simulated_key k(scheduler, {.start_time = 1ms}, {.failures_end = failure_scope::one});
  k.throws_early = true;
  k.call();
  run_for(scheduler, 1s);
  CHECK(k.refused == 1);
  CHECK(k.last_error == hotslot::errc::launch_failed);
  CHECK(k.queue.snapshot().totals.launch_failed == 1);
  CHECK(k.queue.is_idle());
  k.throws_early = false;
  k.call();
  run_for(scheduler, 1s);
  CHECK(k.served == 1);
}

// 15.3
TEST_CASE_METHOD(pool_fixture, "a policy that throws is a failed start, and is asked again", "[pressure]") {
  bool throws = true;
  simulated_key k(scheduler, {.start_time = 1ms},
                  {.policy = [&](const hotslot::scaling_input& in) -> hotslot::scaling_decision {
                     if (throws && in.waiting() != 0)
                       throw std::bad_alloc();
                     return hotslot::demand(in);
                   },
                   .failures_end = failure_scope::one});
  k.call();
  run_for(scheduler, 1s);
  CHECK(k.refused == 1);
  throws = false;
  k.call();
  run_for(scheduler, 1s);
  CHECK(k.served == 1);
}

// 15.3
TEST_CASE_METHOD(pool_fixture, "a policy that always throws is asked as rarely as a start that fails",
                 "[pressure]") {
  std::uint64_t asked = 0;
  simulated_key k(scheduler, {}, {.policy = [&](const hotslot::scaling_input&) -> hotslot::scaling_decision {
                    ++asked;
                    throw std::bad_alloc();
                  }});
  for (int i = 0; i < 100; ++i) {
    k.call();
    run_for(scheduler, 100ms);
  }
  CHECK(k.refused == 100);
  CHECK(asked <= 12);
}

// 15.5
TEST_CASE_METHOD(pool_fixture, "what a policy wants in advance waits for resources, and is started",
                 "[pressure]") {
  tracker t(hundred);
  simulated_key b(scheduler, {.stop_time = 300ms}, {.idle_timeout = 1h, .per_worker = hundred}, t);
  idle_workers(b, 1);
  simulated_key a(scheduler, {},
                  {.policy = hotslot::php_fpm_dynamic({.min_spare = 1, .max_spare = 2}),
                   .idle_timeout = 1h,
                   .per_worker = hundred},
                  t);
  run_for(scheduler, 10s);
  CHECK(a.alive() == 1);
  CHECK(b.queue.snapshot().totals.ejected_evicted == 1);
}

// 15.6
TEST_CASE_METHOD(pool_fixture, "what has become impossible waits no longer, and holds nobody up",
                 "[pressure]") {
  tracker t(resources{.memory_mb = 300});
  simulated_key holder(scheduler, {.run_time = 10s}, {.per_worker = {.memory_mb = 150}}, t);
  simulated_key large(scheduler, {}, {.per_worker = {.memory_mb = 200}}, t);
  simulated_key small(scheduler, {}, {.per_worker = {.memory_mb = 200}}, t);
  holder.call();
  run_for(scheduler, 600ms);
  large.call();
  run_for(scheduler, 100ms);
  REQUIRE(waiting(large) == 1);
  SECTION("by the total") {
    t.set_total({.memory_mb = 160});
    run_for(scheduler, 1ms);
    CHECK(large.last_error == hotslot::errc::resources_impossible);
  }
  SECTION("by another's minimum") {
    small.launcher.reconfigure({.account = {.minimum = {.memory_mb = 150}}});
    run_for(scheduler, 1ms);
    CHECK(large.last_error == hotslot::errc::resources_impossible);
  }
}

// 15.7
TEST_CASE_METHOD(pool_fixture, "what a worker takes stays what it was when the options change",
                 "[pressure]") {
  tracker t(resources{.memory_mb = 200});
  simulated_key k(scheduler, {.run_time = 10s}, {.per_worker = {.memory_mb = 50}}, t);
  k.call();
  run_for(scheduler, 600ms);
  k.launcher.reconfigure({.per_worker = hundred});
  for (int i = 0; i < 3; ++i)
    k.call();
  run_for(scheduler, 1s);
  CHECK(k.queue.snapshot().busy == 4);
  CHECK(t.taken().memory_mb == 200);
}

// 15.11
TEST_CASE_METHOD(pool_fixture, "a failed start always is an error, and never its caller's own cancellation",
                 "[pressure]") {
  const error_code thrown = GENERATE(error_code(), error_code(asio::error::operation_aborted));
  simulated_key k(scheduler, {.start_time = 1ms}, {.failures_end = failure_scope::one});
  k.throws = std::make_exception_ptr(boost::system::system_error(thrown));
  k.call();
  run_for(scheduler, 1s);
  CHECK(k.refused == 1);
  CHECK(k.last_error == hotslot::errc::launch_failed);
}

// 15.13
TEST_CASE_METHOD(pool_fixture,
                 "a start that ignores its cancellation is reported in time, and adopted when it comes",
                 "[pressure]") {
  simulated_key k(scheduler, {.start_time = 10s},
                  {.max_workers = 1, .start_timeout = 1s, .failures_end = failure_scope::one});
  k.stubborn = true;
  k.call();
  run_for(scheduler, 1100ms);
  CHECK(k.refused == 1);
  CHECK(k.last_error == hotslot::errc::start_timeout);
  run_for(scheduler, 20s);
  CHECK(k.alive() >= 1);
  k.does.start_time = 1ms;
  k.call();
  run_for(scheduler, 1s);
  CHECK(k.served == 1);
}

// 15.16
TEST_CASE_METHOD(pool_fixture, "a deadline before all time is refused as any that cannot be met",
                 "[pressure]") {
  simulated_key k(scheduler, {.run_time = 1s}, {.max_workers = 1});
  k.queue.set_overload({.fail_fast = true});
  idle_workers(k, 1, 2s);
  idle_workers(k, 1, 2s); // the first run does not count
  k.call();
  run_for(scheduler, 1ms);
  REQUIRE(k.queue.snapshot().busy == 1);
  std::optional<error_code> ended;
  k.queue.async_acquire(sim::clock::time_point::min(), [&](error_code ec, auto) { ended = ec; });
  run_for(scheduler, 1ms);
  REQUIRE(ended);
  CHECK(*ended == hotslot::errc::deadline_unreachable);
}

// 15.18
TEST_CASE_METHOD(pool_fixture, "no token of the start rate is spent on a start that is withheld",
                 "[pressure]") {
  tracker t(resources{.memory_mb = 100'000});
  simulated_key k(scheduler, {.start_time = 1s, .run_time = 1h},
                  {.starts = {.starts_per_second = 0.001, .start_burst = 20}, .per_worker = hundred}, t);
  for (int i = 0; i < 20; ++i)
    k.call();
  run_for(scheduler, 5s);
  CHECK(k.attempts.size() == 20); // sixteen reserve at a time
}

// 15.20
TEST_CASE_METHOD(pool_fixture, "a deadline that has not come wakes nobody", "[pressure]") {
  std::uint64_t asked = 0;
  simulated_key k(scheduler, {.start_time = 1h, .patience = 1h},
                  {.policy = [&](const hotslot::scaling_input& in) {
                    ++asked;
                    return hotslot::demand(in);
                  }});
  k.call();
  run_for(scheduler, 1s);
  asked = 0;
  run_for(scheduler, 60s);
  CHECK(asked == 0);
}

TEST_CASE_METHOD(pool_fixture, "an idle timeout of 0 ends workers soon, and does not spin", "[pressure]") {
  std::uint64_t asked = 0;
  simulated_key k(scheduler, {.start_time = 1ms, .run_time = 10s},
                  {.policy =
                       [&](const hotslot::scaling_input& in) {
                         ++asked;
                         return hotslot::demand(in);
                       },
                   .idle_timeout = 0ms});
  k.call();
  run_for(scheduler, 5s);
  CHECK(k.alive() == 1);
  CHECK(asked < 6000);
  run_for(scheduler, 6s);
  CHECK(k.served == 1);
  CHECK(k.alive() == 0);
}

// 15.21
TEST_CASE_METHOD(pool_fixture, "slots that were queued by hand are not evicted", "[pressure]") {
  tracker t(hundred);
  simulated_key a(scheduler, {.run_time = 1h}, {.idle_timeout = 1h, .per_worker = hundred}, t);
  a.call();
  run_for(scheduler, 600ms);
  a.queue_by_hand();
  REQUIRE(a.alive() == 2);
  simulated_key b(scheduler, {.patience = 1s}, {.per_worker = hundred}, t);
  b.call();
  run_for(scheduler, 2s);
  CHECK(b.refused == 1);
  CHECK(a.alive() == 2);
}

// 15.22
TEST_CASE_METHOD(pool_fixture, "an account without weight comes last, and is served", "[pressure]") {
  tracker t(hundred);
  const double none = GENERATE(0.0, -1.0, std::numeric_limits<double>::quiet_NaN());
  simulated_key a(scheduler, {}, {.idle_timeout = 0ms, .per_worker = hundred, .account = {.weight = none}},
                  t);
  simulated_key b(scheduler, {}, {.idle_timeout = 0ms, .per_worker = hundred}, t);
  a.call();
  b.call();
  run_for(scheduler, 1s);
  a.call();
  b.call();
  run_for(scheduler, 5s);
  CHECK(a.served == 2);
  CHECK(b.served == 2);
}

} // namespace pressure_test
