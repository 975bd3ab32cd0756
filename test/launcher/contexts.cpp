// What callers hand to the starts that they cause.
#include "catch.hpp"
#include "simulated_pool.hpp"

#include <hotslot/launch_each.hpp>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace contexts_test {

using hotslot::start_context;
using queue_type = simulated_key::queue_type;
using launcher_type = simulated_key::launcher_type;

struct fixture : pool_fixture {
  queue_type queue{executor(scheduler.get_executor())};
  std::vector<std::string> seen; ///< By the factory.
  std::uint32_t fails = 0;       ///< So many starts.
  std::vector<queue_type::lease_type> held;

  ~fixture() {
    held.clear();
    queue.close();
  }

  asio::awaitable<worker_slot> start(const start_context& context) {
    const std::string* of = context.get<std::string>();
    seen.push_back(of ? *of : "none");
    sim::timer<executor> t(co_await asio::this_coro::executor);
    t.expires_after(100ms);
    co_await t.async_wait(asio::use_awaitable);
    if (context && context.get<std::string>() != of)
      throw std::logic_error("the context did not live as long as the start");
    if (fails != 0 && fails-- != 0)
      throw std::runtime_error("no luck");
    auto record = std::make_shared<worker_record>();
    record->life = std::make_shared<sim::timer<executor>>(executor(scheduler.get_executor()));
    record->life->expires_at(sim::clock::time_point::max());
    co_return worker_slot(record, 0ns);
  }
  launcher_type launch(launcher_options o = {}, std::optional<tracker> t = {}) {
    return launcher_type(
        queue, [this](const start_context& c) { return start(c); }, std::move(o), std::move(t));
  }

  void call(start_context context) {
    queue.async_acquire(std::move(context), sim::clock::now() + 1min, [this](error_code ec, auto lease) {
      if (!ec)
        held.push_back(std::move(lease));
    });
  }
};

using texts = std::vector<std::string>;

TEST_CASE_METHOD(fixture, "a start gets what the caller that causes it hands over", "[context]") {
  auto l = launch();
  call(start_context(std::string("a")));
  call(start_context());
  call(start_context(std::string("b")));
  call(start_context(7));
  run_for(scheduler, 1s);
  CHECK(seen == texts{"a", "none", "b", "none"});
  CHECK(held.size() == 4);
}

TEST_CASE_METHOD(fixture, "starts that are under way are for those who have waited longest", "[context]") {
  auto l = launch();
  call(start_context(std::string("a")));
  run_for(scheduler, 10ms);
  call(start_context(std::string("b")));
  run_for(scheduler, 1s);
  CHECK(seen == texts{"a", "b"});
}

TEST_CASE_METHOD(fixture, "what is started for a minimum has nobody's context", "[context]") {
  auto l = launch({.max_workers = 3, .min_idle = 2});
  call(start_context(std::string("a")));
  run_for(scheduler, 1s);
  CHECK(seen == texts{"a", "none", "none"});
}

TEST_CASE_METHOD(fixture, "the next start after one that failed has its caller's context, too", "[context]") {
  auto l = launch();
  fails = 1;
  call(start_context(std::string("a")));
  run_for(scheduler, 10s);
  CHECK(seen == texts{"a", "a"});
  CHECK(held.size() == 1);
}

TEST_CASE_METHOD(fixture, "a start that waits for resources keeps its caller's context", "[context]") {
  tracker t(resources{.memory_mb = 100});
  auto l = launch({.per_worker = resources{.memory_mb = 60}}, t);
  call(start_context(std::string("a")));
  call(start_context(std::string("b")));
  run_for(scheduler, 1s);
  CHECK(seen == texts{"a"});
  held[0].discard();
  run_for(scheduler, 1s);
  CHECK(seen == texts{"a", "b"});
}

TEST_CASE_METHOD(fixture, "what a suspended queue starts has nobody's context", "[context]") {
  queue.suspend();
  auto l = launch({.min_idle = 1});
  call(start_context(std::string("a")));
  run_for(scheduler, 1s);
  CHECK(seen == texts{"none"});
}

TEST_CASE("a context is a value of any type", "[context]") {
  const start_context none, number(7), text(std::string("a"));
  CHECK_FALSE(none);
  CHECK(none.get<int>() == nullptr);
  REQUIRE(number.get<int>());
  CHECK(*number.get<int>() == 7);
  CHECK(number.get<long>() == nullptr);
  const start_context copy = text; // NOLINT: that is what is tested
  CHECK(copy.get<std::string>() == text.get<std::string>());
}

TEST_CASE_METHOD(pool_fixture, "a manager hands contexts to the factories of its keys", "[context]") {
  texts seen;
  const auto make = [&](const std::string& key, const start_context& c) -> asio::awaitable<worker_slot> {
    seen.push_back(key + ' ' + (c.get<int>() ? std::to_string(*c.get<int>()) : "none"));
    auto record = std::make_shared<worker_record>();
    record->life = std::make_shared<sim::timer<executor>>(executor(scheduler.get_executor()));
    record->life->expires_at(sim::clock::time_point::max());
    co_return worker_slot(record, 0ns);
  };
  const auto options = [](const std::string&) { return launcher_options(); };
  hotslot::basic_slot_queue_manager<worker_slot, std::string, executor, sim_traits> manager(
      executor(scheduler.get_executor()),
      hotslot::launch_each<worker_slot, std::string, executor, sim_traits>(make, options));
  const auto call = [&](std::string key, int n) -> asio::awaitable<void> {
    auto lease = co_await manager.acquire(key, start_context(n));
    lease.discard();
  };
  asio::co_spawn(scheduler.make_strand(), call("x", 1), asio::detached);
  asio::co_spawn(scheduler.make_strand(), call("y", 2), asio::detached);
  run_for(scheduler, 1s);
  std::sort(seen.begin(), seen.end());
  CHECK(seen == texts{"x 1", "y 2"});
  manager.close();
  run_for(scheduler, 1s);
}

} // namespace contexts_test
