// A manager that owns the launchers of its keys.
#include <hotslot/launch_each.hpp>

#include "catch.hpp"

#include <boost/asio.hpp>

#include <map>
#include <string>

namespace launch_each_test {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using hotslot::launcher_options;
using hotslot::resource_tracker;
using hotslot::resources;

struct model {
  std::string name;
  void close() noexcept {}
};
using manager = hotslot::slot_queue_manager<model>;
using queue = hotslot::slot_queue<model>;

asio::awaitable<model> load(const std::string& name) {
  if (name == "none")
    throw std::runtime_error("no such model");
  co_return model{name};
}

void run(asio::io_context& io, asio::awaitable<void> body) {
  bool done = false;
  asio::co_spawn(io, std::move(body), [&](std::exception_ptr e) {
    done = true;
    if (e)
      std::rethrow_exception(e);
  });
  io.run();
  io.restart();
  CHECK(done);
}

template <class Make, class Options>
concept launches = requires(Make make, Options options) {
  hotslot::launch_each<model>(make, options);
};

using options_function = launcher_options (*)(const std::string&);
using token = asio::use_awaitable_t<>;
static_assert(launches<decltype(&load), options_function>);
static_assert(launches<model (*)(const std::string&), options_function>);
static_assert(launches<asio::awaitable<model> (*)(std::string, token), options_function>);
static_assert(!launches<asio::awaitable<model> (*)(), options_function>); // it is told no key
static_assert(!launches<asio::awaitable<int> (*)(const std::string&), options_function>);
static_assert(!launches<decltype(&load), launcher_options>); // of which key?
static_assert(!launches<decltype(&load), int (*)(const std::string&)>);

TEST_CASE("each key's queue may be prepared before it has a launcher, and while a caller is counted",
          "[launch_each]") {
  asio::io_context io;
  std::map<std::string, int> resets;
  const auto prepare = [&resets](const std::string& name, const queue& q) {
    queue::upkeep_type upkeep;
    upkeep.reset = [&resets, name](model&) -> asio::awaitable<void> {
      ++resets[name];
      co_return;
    };
    q.set_upkeep(upkeep);
    q.set_leak_detection({.leak_after = 1h});
  };
  manager all(io, hotslot::launch_each<model>(
                      load, [](const std::string&) { return launcher_options(); }, std::nullopt, prepare));
  const auto use = [&]() -> asio::awaitable<void> {
    for (const std::string name : {"a", "b", "a"}) {
      auto lease = co_await all.acquire(name);
      lease.release();
    }
    all.close();
  };
  run(io, use());
  CHECK(resets == std::map<std::string, int>{{"a", 2}, {"b", 1}});
}

TEST_CASE("each key has a launcher with its own options", "[launch_each]") {
  asio::io_context io;
  std::map<std::string, int> asked;
  manager models(io, hotslot::launch_each<model>(load, [&](const std::string& name) {
                   ++asked[name];
                   return launcher_options{.max_workers = name == "large" ? 1u : 2u};
                 }));
  const auto body = [&]() -> asio::awaitable<void> {
    auto small = co_await models.acquire("small");
    auto other = co_await models.acquire("small");
    auto large = co_await models.acquire("large");
    CHECK(small->name == "small");
    CHECK(large->name == "large");
    std::string said;
    try {
      co_await models.acquire("large", 1ms); // it has its one worker
    } catch (const hotslot::lease_error& e) {
      said = e.code().message();
    }
    CHECK(said == make_error_code(hotslot::errc::deadline_exceeded).message());
    try {
      co_await models.acquire("none");
    } catch (const hotslot::lease_error& e) {
      said = e.what();
    }
    CHECK(said.find("no such model") != std::string::npos);
    small.release();
    other.release();
    large.release();
    CHECK(models.try_acquire("small"));
    models.close();
  };
  run(io, body());
  CHECK(asked == std::map<std::string, int>{{"large", 1}, {"none", 1}, {"small", 1}});
}

TEST_CASE("the workers of all keys share a budget", "[launch_each]") {
  asio::io_context io;
  resource_tracker memory(resources{.memory_mb = 100});
  const auto options = [](const std::string&) { return launcher_options{.per_worker = {.memory_mb = 60}}; };
  manager models(io, hotslot::launch_each<model>(load, options, memory));
  const auto body = [&]() -> asio::awaitable<void> {
    (co_await models.acquire("one")).release();
    CHECK(memory.taken() == resources{.memory_mb = 60});
    auto two = co_await models.acquire("two"); // for which the idle one goes
    CHECK(memory.taken() == resources{.memory_mb = 60});
    CHECK(models.get("one").value.snapshot().idle == 0);
    two.release();
    models.close();
  };
  run(io, body());
  CHECK(memory.taken() == resources{});
}

TEST_CASE("a launcher goes with its queue", "[launch_each]") {
  asio::io_context io;
  auto alive = std::make_shared<int>();
  manager models(io, [alive](const std::string&, const queue&) -> std::shared_ptr<void> { return alive; });
  CHECK(models.get("a").is_new);
  CHECK_FALSE(models.get("a").is_new);
  CHECK(alive.use_count() == 3); // the manager's function and its one queue
  CHECK(models.erase_idle("a"));
  CHECK(alive.use_count() == 2);
  models.enter("b");
  models.enter("c");
  CHECK(alive.use_count() == 4);
  const auto now = queue::clock_type::now();
  models.age(now, 1h);
  CHECK(models.age(now + 2h, 1h) == 2);
  CHECK(alive.use_count() == 2);
  models.enter("d");
  models.close();
  CHECK(alive.use_count() == 2);
}

TEST_CASE("where it cannot be made, the look-up throws and the queue is forgotten", "[launch_each]") {
  asio::io_context io;
  int tries = 0;
  manager models(io, [&](const std::string&, const queue&) -> std::shared_ptr<void> {
    if (++tries < 3)
      throw std::runtime_error("no options");
    return nullptr;
  });
  CHECK_THROWS_WITH(models.get("a"), "no options");
  CHECK(models.size() == 0);
  CHECK_THROWS_WITH(models.enter("a"), "no options");
  CHECK(models.size() == 0);
  CHECK(models.get("a").is_new);
  CHECK(models.size() == 1);
}

TEST_CASE("it may use the manager that it is called by", "[launch_each]") {
  asio::io_context io;
  manager* self = nullptr;
  manager models(io, [&](const std::string& key, const queue&) -> std::shared_ptr<void> {
    if (key == "a")
      self->get("b");
    self->erase_idle(key); // which it is not: there is a handle
    return nullptr;
  });
  self = &models;
  models.get("a");
  CHECK(models.size() == 2);
}

} // namespace launch_each_test
