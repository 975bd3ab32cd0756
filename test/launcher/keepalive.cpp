// Workers that are looked after, and what their launcher does.
#include "catch.hpp"
#include "simulated_pool.hpp"

#include <algorithm>

namespace {

struct keepalive_fixture : pool_fixture {
  std::uint64_t pings = 0;
  std::uint64_t at_once = 0;
  std::uint64_t most_at_once = 0;
  bool failing = false;
  std::vector<sim::clock::time_point> begun;

  void keep_alive(simulated_key& k, nanoseconds interval, std::uint64_t most) {
    simulated_key::queue_type::upkeep_type u;
    u.keepalive = [this](worker_slot&) { return ping(); };
    u.keepalive_interval = interval;
    u.keepalive_at_once = most;
    k.queue.set_upkeep(u);
  }

  asio::awaitable<void> ping() {
    ++pings;
    begun.push_back(sim::clock::now());
    most_at_once = std::max(most_at_once, ++at_once);
    sim::timer<executor> t(co_await asio::this_coro::executor);
    t.expires_after(100ms);
    co_await t.async_wait(asio::as_tuple(asio::use_awaitable));
    --at_once;
    if (failing)
      throw std::runtime_error("gone");
  }
};

} // namespace

TEST_CASE_METHOD(keepalive_fixture, "idle workers are pinged each interval, a few at a time", "[launcher]") {
  simulated_key k(scheduler, {}, {.idle_timeout = 1h});
  keep_alive(k, 10s, 2);
  idle_workers(k, 5);
  run_for(scheduler, 8s);
  CHECK(pings == 0);
  run_for(scheduler, 3s);
  CHECK(pings == 5);
  CHECK(most_at_once == 2);
  CHECK(k.queue.snapshot().idle == 5);
  run_for(scheduler, 90s);
  CHECK(pings >= 45);
  CHECK(pings <= 55); // each up to a tenth earlier
  CHECK(k.queue.snapshot().totals.ejected_unfit == 0);
}

TEST_CASE_METHOD(keepalive_fixture, "a ping is no use: idle workers end in their time", "[launcher]") {
  simulated_key k(scheduler, {}, {.idle_timeout = 16s});
  keep_alive(k, 3s, 1);
  idle_workers(k, 2);
  run_for(scheduler, 15s);
  CHECK(k.alive() == 2);
  run_for(scheduler, 3s);
  CHECK(k.alive() == 0);
  CHECK(k.queue.snapshot().totals.ejected_idle == 2);
}

TEST_CASE_METHOD(keepalive_fixture, "workers that cannot be pinged end", "[launcher]") {
  simulated_key k(scheduler, {}, {.idle_timeout = 1h});
  keep_alive(k, 3s, 5);
  idle_workers(k, 3);
  failing = true;
  run_for(scheduler, 4s);
  CHECK(k.alive() == 0);
  CHECK(k.queue.snapshot().totals.ejected_unfit == 3);
}

TEST_CASE_METHOD(keepalive_fixture, "a worker whose ping takes too long ends", "[launcher]") {
  simulated_key k(scheduler, {}, {.idle_timeout = 1h});
  simulated_key::queue_type::upkeep_type u;
  u.keepalive = [this](worker_slot&) { return ping(); };
  u.keepalive_interval = 3s;
  u.keepalive_timeout = 50ms;
  k.queue.set_upkeep(u);
  idle_workers(k, 1);
  run_for(scheduler, 4s);
  CHECK(pings == 1);
  CHECK(k.alive() == 0);
  CHECK(k.queue.snapshot().totals.ejected_unfit == 1);
}

TEST_CASE_METHOD(keepalive_fixture, "an interval of nothing is one of a millisecond", "[launcher]") {
  simulated_key k(scheduler, {}, {.idle_timeout = 1h});
  simulated_key::queue_type::upkeep_type u;
  u.keepalive = [this](worker_slot&) -> asio::awaitable<void> {
    ++pings;
    co_return;
  };
  u.keepalive_interval = 0s;
  k.queue.set_upkeep(u);
  idle_workers(k, 1);
  pings = 0;
  run_for(scheduler, 1s);
  CHECK(pings > 0);
  CHECK(pings < 1200);
}

TEST_CASE_METHOD(keepalive_fixture, "no worker is pinged while a caller waits, nor one that is in use",
                 "[launcher]") {
  simulated_key k(scheduler, {}, {.max_workers = 2, .idle_timeout = 1h});
  keep_alive(k, 1s, 5);
  idle_workers(k, 2);
  k.does.run_time = 10s;
  for (int i = 0; i < 3; ++i)
    k.call();
  run_for(scheduler, 9s);
  CHECK(pings == 0);
  run_for(scheduler, 11s);
  CHECK(k.served == 5);
  CHECK(pings > 0);
}

TEST_CASE_METHOD(keepalive_fixture, "an idle worker is not pinged beside a caller that is about to wait",
                 "[launcher]") {
  simulated_key k(scheduler, {}, {.idle_timeout = 1h});
  keep_alive(k, 1s, 1);
  idle_workers(k, 1);
  auto ticket = k.queue.enter();
  run_for(scheduler, 9s);
  CHECK(pings == 0);
  ticket = {};
  run_for(scheduler, 1s);
  CHECK(pings > 0);
}

TEST_CASE_METHOD(keepalive_fixture, "keeping workers alive wakes nobody between the pings", "[launcher]") {
  simulated_key k(scheduler, {}, {.idle_timeout = nanoseconds::max()});
  keep_alive(k, 1h, 1);
  idle_workers(k, 3);
  run_for(scheduler, 1min);
  const auto before = scheduler.tasks();
  run_for(scheduler, 50min);
  CHECK(scheduler.tasks() == before);
}

TEST_CASE_METHOD(pool_fixture, "whoever waits for a worker whose reset never ends gets another one",
                 "[launcher]") {
  simulated_key k(scheduler, {}, {.max_workers = 2, .idle_timeout = 1h});
  simulated_key::queue_type::upkeep_type u;
  u.reset = [](worker_slot&) -> asio::awaitable<void> {
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    sim::timer<executor> t(co_await asio::this_coro::executor);
    t.expires_after(1h);
    co_await t.async_wait(asio::use_awaitable);
  };
  u.reset_timeout = 2s;
  k.queue.set_upkeep(u);
  k.call();
  run_for(scheduler, 600ms);
  REQUIRE(k.served == 1);
  k.call();
  run_for(scheduler, 1s);
  CHECK(k.attempts.size() == 1); // the reset is waited for
  run_for(scheduler, 2s);
  CHECK(k.served == 2);
}
