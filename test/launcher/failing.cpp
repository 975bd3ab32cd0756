// Whom failed starts cost what, by their scope.
#include "catch.hpp"
#include "simulated_pool.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

namespace {

constexpr std::array scopes = {failure_scope::one, failure_scope::all, failure_scope::breaker,
                               failure_scope::deadline};
constexpr const char* names[] = {"one", "all", "breaker", "deadline"};

struct cost_of_failures {
  std::uint64_t served = 0;
  nanoseconds refused_after{}; ///< On average.
};

/// A thousand callers in 100 seconds, each with 5 s of patience, and workers that live for ten calls.
cost_of_failures serve(failure_scope scope, std::uint32_t fails_of_100, nanoseconds outage) {
  sim::scheduler scheduler(1, 0);
  simulated_key k(scheduler, {.patience = 5s}, {.max_workers = 4, .max_calls = 10, .failures_end = scope});
  k.fails_of_100 = fails_of_100;
  std::minstd_rand random(11);
  const auto begin = sim::clock::now();
  for (int n = 0; n < 1000; ++n) {
    const auto at = sim::clock::now() - begin;
    k.failing = at > 30s && at < 30s + outage;
    k.call();
    run_for(scheduler, std::chrono::milliseconds(random() % 200));
  }
  k.failing = false;
  run_for(scheduler, 10s);
  REQUIRE(k.served + k.refused == 1000);
  return {k.served, k.refused == 0 ? 0ns : k.refused_after / static_cast<std::int64_t>(k.refused)};
}

} // namespace

TEST_CASE("most callers are served where failed starts end only hopeless waits", "[launcher]") {
  const auto [share, outage] = GENERATE(
      table<std::uint32_t, nanoseconds>({{10, 0s}, {50, 0s}, {80, 0s}, {0, 2s}, {0, 20s}, {20, 2s}}));
  std::array<cost_of_failures, scopes.size()> all;
  std::transform(scopes.begin(), scopes.end(), all.begin(),
                 [&, share = share, outage = outage](failure_scope s) { return serve(s, share, outage); });
  const auto of_deadline = all.back().served;
  for (std::size_t n = 0; n < scopes.size(); ++n) {
    INFO(names[n] << ": " << all[n].served << " served, the others refused after "
                  << std::chrono::duration<double>(all[n].refused_after).count() << " s on average");
    CHECK(of_deadline >= all[n].served);
    if (std::getenv("HOTSLOT_PRINT")) // for docs/policies.md
      std::printf("%u %% fail, out for %d s: %s: %lu served, others refused after %.2f s\n", share,
                  static_cast<int>(outage / 1s), names[n], static_cast<unsigned long>(all[n].served),
                  std::chrono::duration<double>(all[n].refused_after).count());
  }
}

TEST_CASE_METHOD(pool_fixture,
                 "a caller whose deadline comes before the next attempt is told the cause at once",
                 "[launcher]") {
  launcher_options o;
  o.starts.backoff.first = o.starts.backoff.most = 10s;
  simulated_key k(scheduler, {.start_time = 100ms, .patience = 2s}, o);
  k.failing = true;
  k.call();
  run_for(scheduler, 150ms);
  CHECK(k.refused == 1);
  CHECK(k.last_error == hotslot::errc::launch_failed);
  k.does.patience = 1min;
  k.call();
  run_for(scheduler, 1s);
  CHECK(k.refused == 1);
  k.failing = false;
  run_for(scheduler, 20s);
  CHECK(k.served == 1);
}

TEST_CASE_METHOD(pool_fixture, "a suspended queue starts nobody for its callers, but keeps its minimum",
                 "[launcher]") {
  simulated_key k(scheduler, {}, {.min_idle = 1});
  k.queue.suspend();
  for (int n = 0; n < 5; ++n)
    k.call();
  run_for(scheduler, 10s);
  CHECK(k.workers.size() == 1);
  CHECK(k.served == 0);
  k.queue.resume();
  run_for(scheduler, 10s);
  CHECK(k.served == 5);
}

TEST_CASE_METHOD(pool_fixture, "failed starts end nobody's wait for a suspension to end", "[launcher]") {
  const auto scope = GENERATE(from_range(scopes));
  simulated_key k(scheduler, {.patience = 1h}, {.min_idle = 1, .failures_end = scope});
  k.failing = true;
  k.queue.suspend();
  k.call();
  run_for(scheduler, 10min);
  k.call(); // while the breaker is open
  run_for(scheduler, 1ms);
  CHECK(k.refused == 0);
}

TEST_CASE_METHOD(pool_fixture, "the snapshot tells how many workers there may be", "[launcher]") {
  simulated_key k(scheduler, {}, {.max_workers = 3});
  run_for(scheduler, 1ms);
  CHECK(k.queue.snapshot().max_workers == 3);
  k.launcher.reconfigure({.max_workers = 5});
  run_for(scheduler, 1ms);
  CHECK(k.queue.snapshot().max_workers == 5);
  k.launcher.reconfigure({});
  run_for(scheduler, 1ms);
  CHECK(k.queue.snapshot().max_workers == std::numeric_limits<std::uint64_t>::max());
}
