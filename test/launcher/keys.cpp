// Several keys that share a machine.
#include "catch.hpp"
#include "seed.hpp"
#include "simulated_pool.hpp"

#include "../sim/random.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace {

constexpr resources hundred{.memory_mb = 100};

} // namespace

TEST_CASE_METHOD(pool_fixture, "weakness 13: one idle worker of another key goes for a call, and no more",
                 "[keys]") {
  tracker t(resources{.memory_mb = 400});
  simulated_key a(scheduler, {.stop_time = 300ms}, {.idle_timeout = 1h, .per_worker = hundred}, t);
  simulated_key b(scheduler, {}, {.idle_timeout = 1h, .per_worker = hundred}, t);
  idle_workers(a, 4, 1200ms);
  REQUIRE(a.alive() == 4);
  b.call();
  run_for(scheduler, 100ms);
  CHECK(b.attempts.empty()); // not before the other is gone
  CHECK(a.alive() == 3);
  run_for(scheduler, 1s);
  CHECK(b.served == 1);
  CHECK(a.alive() == 3);
  CHECK(a.queue.snapshot().totals.ejected_evicted == 1);
  CHECK(a.workers[0]->closes + a.workers[1]->closes + a.workers[2]->closes + a.workers[3]->closes == 1);
}

TEST_CASE_METHOD(pool_fixture, "an evicted worker is the longest idle of all keys", "[keys]") {
  tracker t(resources{.memory_mb = 400});
  launcher_options options{.idle_timeout = 1h, .per_worker = hundred};
  simulated_key a(scheduler, {}, options, t), b(scheduler, {}, options, t), c(scheduler, {}, options, t);
  idle_workers(b, 2, 1200ms);
  idle_workers(a, 2, 1200ms);
  c.call();
  run_for(scheduler, 1s);
  CHECK(b.alive() == 1);
  CHECK(a.alive() == 2);
}

TEST_CASE_METHOD(pool_fixture, "or the cheapest to lose, where that is asked for", "[keys]") {
  tracker t(resources{.memory_mb = 400}, hotslot::eviction_order::cheapest);
  launcher_options options{.idle_timeout = 1h, .per_worker = hundred};
  simulated_key dear(scheduler, {.start_time = 1s}, options, t);
  simulated_key cheap(scheduler, {.start_time = 10ms}, options, t);
  simulated_key c(scheduler, {}, options, t);
  idle_workers(dear, 2, 1200ms);
  idle_workers(cheap, 2, 1200ms);
  c.call();
  run_for(scheduler, 1s);
  CHECK(dear.alive() == 2);
  CHECK(cheap.alive() == 1);
}

TEST_CASE_METHOD(pool_fixture, "nothing is evicted where it would not be enough, and minima are respected",
                 "[keys]") {
  tracker t(resources{.memory_mb = 400});
  simulated_key a(scheduler, {},
                  {.idle_timeout = 1h, .per_worker = hundred, .account = {.minimum = {.memory_mb = 200}}}, t);
  simulated_key b(scheduler, {.patience = 5s}, {.per_worker = {.memory_mb = 300}}, t);
  simulated_key c(scheduler, {}, {.per_worker = {.memory_mb = 200}}, t);
  idle_workers(a, 4, 1200ms);
  b.call();
  run_for(scheduler, 100ms);
  CHECK(b.last_error == hotslot::errc::resources_impossible);
  CHECK(a.alive() == 4);
  c.call();
  run_for(scheduler, 1s);
  CHECK(c.served == 1);
  CHECK(a.alive() == 2);
  simulated_key d(scheduler, {.patience = 5s}, {.per_worker = hundred}, t);
  d.call();
  run_for(scheduler, 10s);
  CHECK(a.alive() == 2);
  CHECK(c.alive() == 0); // an idle one, which had no minimum
  CHECK(d.served == 1);
}

TEST_CASE_METHOD(pool_fixture, "a key's minimum of idle workers is not evicted", "[keys]") {
  tracker t(resources{.memory_mb = 200});
  simulated_key a(scheduler, {}, {.min_idle = 2, .idle_timeout = 1h, .per_worker = hundred}, t);
  run_for(scheduler, 1s);
  simulated_key b(scheduler, {.patience = 5s}, {.per_worker = hundred}, t);
  b.call();
  run_for(scheduler, 10s);
  CHECK(a.alive() == 2);
  CHECK(b.refused == 1);
}

TEST_CASE_METHOD(pool_fixture, "workers that become idle while others wait go for them", "[keys]") {
  tracker t(resources{.memory_mb = 200});
  simulated_key a(scheduler, {.run_time = 3s}, {.idle_timeout = 1h, .per_worker = hundred}, t);
  simulated_key b(scheduler, {}, {.per_worker = hundred}, t);
  a.call();
  a.call();
  run_for(scheduler, 1s);
  b.call();
  run_for(scheduler, 2s);
  CHECK(b.served == 0);
  run_for(scheduler, 2s);
  CHECK(b.served == 1);
  CHECK(a.served == 2);
}

TEST_CASE_METHOD(pool_fixture, "what is detached is not asked for, so that others are", "[keys]") {
  tracker t(resources{.memory_mb = 900});
  const launcher_options options{.idle_timeout = 1h, .per_worker = resources{.memory_mb = 100}};
  simulated_key a(scheduler, {}, options, t), b(scheduler, {.run_time = 1s}, options, t),
      c(scheduler, {}, options, t);
  std::vector<simulated_key::queue_type::lease_type::detached_type> detached;
  idle_workers(a, 6);
  while (auto lease = a.queue.try_acquire())
    detached.push_back(lease.detach());
  REQUIRE(detached.size() == 6);
  for (int n = 0; n < 60; ++n)
    b.call(); // three workers, which are never idle
  run_for(scheduler, 2s);
  c.call();
  run_for(scheduler, 5s);
  CHECK(c.served == 1);
  run_for(scheduler, 1min);
}

TEST_CASE_METHOD(pool_fixture, "a key that is always busy gives up workers to one that has none", "[keys]") {
  tracker t(resources{.memory_mb = 400});
  simulated_key a(scheduler, {.run_time = 50ms}, {.idle_timeout = 1h, .per_worker = hundred}, t);
  simulated_key b(scheduler, {.run_time = 50ms}, {.idle_timeout = 1h, .per_worker = hundred}, t);
  for (int i = 0; i < 2000; ++i)
    a.call();
  run_for(scheduler, 1s);
  REQUIRE(a.queue.snapshot().busy == 4);
  for (int i = 0; i < 200; ++i)
    b.call();
  run_for(scheduler, 5s);
  CHECK(a.alive() == 2);
  CHECK(b.alive() == 2);
  CHECK(b.served > 0);
}

namespace {

// Several keys with workers of all sizes and calls at random: all are served, and everything is given back.
void check_seed(std::uint64_t seed) {
  CAPTURE(seed);
  sim::scheduler scheduler(seed, 0);
  sim::random random(seed);
  tracker t(resources{.memory_mb = 400 + 100 * random.below(4)});
  std::vector<std::unique_ptr<simulated_key>> keys;
  for (auto n = 2 + random.below(3); n != 0; --n) {
    behaviour b{.start_time = std::chrono::milliseconds(1 + random.below(300)),
                .run_time = std::chrono::milliseconds(1 + random.below(100)),
                .stop_time = std::chrono::milliseconds(random.below(50))};
    launcher_options o{
        .max_workers = 1 + random.below(6),
        .idle_timeout = std::chrono::milliseconds(50 + random.below(5000)),
        .per_worker = {.memory_mb = 50 + 50 * random.below(3)},
        .account = {.weight = 1.0 + random.below(3), .minimum = {.memory_mb = random.one_in(4) ? 50u : 0u}}};
    if (random.one_in(3))
      o.max_calls = 1 + random.below(5);
    keys.push_back(std::make_unique<simulated_key>(scheduler, b, o, t));
  }
  for (auto n = 5 + random.below(100); n != 0; --n) {
    auto& k = *keys[random.below(static_cast<std::uint32_t>(keys.size()))];
    k.failing = random.one_in(20);
    k.call();
    if (random.one_in(20))
      k.launcher.recycle(1 + random.below(3));
    if (random.one_in(20))
      k.launcher.reconfigure({.max_workers = 1 + random.below(6),
                              .idle_timeout = std::chrono::milliseconds(50 + random.below(5000)),
                              .account = {.weight = 1.0 + random.below(3)}});
    if (random.one_in(3))
      run_for(scheduler, std::chrono::milliseconds(random.below(60)));
    REQUIRE(t.taken().fits_in(t.total()));
  }
  for (auto& k : keys)
    k->failing = false;
  run_for(scheduler, 120s);
  for (auto& k : keys) {
    REQUIRE(k->served + k->refused == k->calls);
    REQUIRE(k->queue.snapshot().resource_waiters == 0);
    for (const auto& w : k->workers)
      REQUIRE(w->closes <= 1);
  }
  for (auto& k : keys)
    k->queue.close();
  run_for(scheduler, 10s);
  REQUIRE(t.taken().is_zero());
}

void check_seeds(std::uint64_t n) {
  const std::uint64_t first = random_seed();
  for (std::uint64_t seed = first; seed != first + n; ++seed)
    check_seed(seed);
}

} // namespace

TEST_CASE("nobody waits for ever, and nothing is taken twice", "[keys]") { check_seeds(200); }

TEST_CASE("nobody waits for ever, of some seeds", "[.some]") { check_seeds(1'500); }
TEST_CASE("nobody waits for ever, of many seeds", "[.many]") { check_seeds(10'000); }
