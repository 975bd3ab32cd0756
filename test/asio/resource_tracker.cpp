// Waits for resources as operations: granted, refused, cancelled, destroyed with their context.
#include <hotslot/launcher.hpp>
#include <hotslot/slot_queue_manager.hpp>

#include "catch.hpp"
#include "test_slot.hpp"

#include <boost/asio.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>

namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using hotslot::errc;
using hotslot::error_code;
using hotslot::resource_tracker;
using hotslot::resources;

constexpr resources hundred{.memory_mb = 100};

struct outcome {
  std::optional<error_code> ec;
  resource_tracker::reservation held;
};

asio::awaitable<void> reserve(resource_tracker::account& from, resources r, outcome& out) {
  try {
    out.held = co_await from.reserve(r);
    out.ec.emplace();
  } catch (const boost::system::system_error& e) {
    out.ec = e.code();
  }
}

struct fixture {
  asio::io_context io{1};
  resource_tracker tracker{hundred};
  resource_tracker::account a = tracker.open_account(), b = tracker.open_account();
  asio::cancellation_signal signal;

  void begin(resource_tracker::account& from, resources r, outcome& out) {
    asio::co_spawn(io, reserve(from, r, out), asio::bind_cancellation_slot(signal.slot(), asio::detached));
    poll();
  }
  void poll() {
    io.restart();
    io.poll();
  }
};

} // namespace

TEST_CASE_METHOD(fixture, "a reservation waits for what others give back", "[tracker]") {
  outcome first, second;
  begin(a, hundred, first);
  REQUIRE(first.held);
  begin(b, hundred, second);
  CHECK_FALSE(second.ec);
  first.held.release();
  poll();
  CHECK(second.held);
  CHECK(tracker.taken() == hundred);
}

TEST_CASE_METHOD(fixture, "a wait that is cancelled leaves nothing reserved", "[tracker]") {
  outcome first, second;
  begin(a, hundred, first);
  begin(b, hundred, second);
  SECTION("while it waits") {}
  SECTION("as it is granted") { first.held.release(); }
  signal.emit(asio::cancellation_type::terminal);
  poll();
  CHECK(second.ec);
  second.held.release();
  first.held.release();
  CHECK(tracker.taken().is_zero());
}

TEST_CASE_METHOD(fixture, "what could never be had is refused, at once or when it has become so",
                 "[tracker]") {
  outcome first, second, third;
  begin(a, {.memory_mb = 101}, first);
  CHECK(first.ec == errc::resources_impossible);
  begin(a, {.memory_mb = 60}, second);
  begin(b, {.memory_mb = 60}, third);
  tracker.set_total({.memory_mb = 50});
  poll();
  CHECK(third.ec == errc::resources_impossible);
}

// 15.4
TEST_CASE("a context may be destroyed under waits for resources", "[tracker]") {
  resource_tracker tracker(hundred);
  auto a = tracker.open_account(), b = tracker.open_account();
  outcome first, second, third;
  {
    asio::io_context io(1);
    auto holds = [&]() -> asio::awaitable<void> {
      const auto held = co_await a.reserve(hundred);
      asio::steady_timer never(io, asio::steady_timer::time_point::max());
      co_await never.async_wait(asio::use_awaitable);
    };
    asio::co_spawn(io, holds(), asio::detached);
    asio::co_spawn(io, reserve(b, hundred, second), asio::detached);
    asio::co_spawn(io, reserve(a, hundred, third), asio::detached);
    io.poll();
    CHECK(tracker.taken() == hundred);
  }
  CHECK_FALSE(second.ec);
  CHECK(tracker.taken().is_zero());
}

namespace {

using queue = hotslot::slot_queue<test_slot>;
using launcher = hotslot::launcher<test_slot>;

} // namespace

// 15.4
TEST_CASE("a context may be destroyed under launchers that wait for resources", "[tracker]") {
  resource_tracker tracker(hundred);
  std::optional<launcher> of_a, of_b;
  std::optional<queue> a, b;
  int made = 0;
  std::shared_ptr<std::atomic<int>> closed;
  const bool started = GENERATE(true, false);
  {
    asio::io_context io(1);
    const auto factory = [&]() -> asio::awaitable<test_slot> {
      if (!started) {
        asio::steady_timer never(io, asio::steady_timer::time_point::max());
        co_await never.async_wait(asio::use_awaitable);
      }
      test_slot s(++made);
      closed = s.closed;
      co_return std::move(s);
    };
    for (auto [q, l] : {std::pair{&a, &of_a}, std::pair{&b, &of_b}}) {
      q->emplace(io);
      l->emplace(**q, factory, hotslot::launcher_options{.per_worker = hundred}, tracker);
      for (int i = 0; i < 3; ++i)
        (*q)->async_acquire([](error_code, auto) {});
    }
    io.poll();
    CHECK(tracker.taken() == hundred);
  }
  CHECK(tracker.taken().is_zero());
  of_a.reset(), of_b.reset();
  a.reset(), b.reset();
  CHECK((!started || *closed == 1));
}

// 15.9
TEST_CASE("a worker that is to be evicted when its context goes is closed all the same", "[tracker]") {
  resource_tracker tracker(hundred);
  std::optional<launcher> of_a, of_b;
  std::optional<queue> a, b;
  std::shared_ptr<std::atomic<int>> closed;
  for (int steps = 0; steps != 40; ++steps) {
    {
      asio::io_context io(1);
      const auto factory = [&]() -> asio::awaitable<test_slot> {
        test_slot s(1);
        closed = s.closed;
        co_return std::move(s);
      };
      a.emplace(io), b.emplace(io);
      const hotslot::launcher_options options{.idle_timeout = 1h, .per_worker = hundred};
      of_a.emplace(*a, factory, options, tracker);
      of_b.emplace(*b, factory, options, tracker);
      a->async_acquire([](error_code, auto) {}); // whose lease goes at once
      io.poll();
      REQUIRE(a->snapshot().idle == 1);
      const auto of_first = closed;
      b->async_acquire([](error_code, auto) {});
      io.restart();
      for (int n = 0; n != steps; ++n)
        io.poll_one();
      closed = of_first;
    }
    of_a.reset(), of_b.reset();
    a.reset(), b.reset();
    CHECK(*closed == 1);
    CHECK(tracker.taken().is_zero());
  }
}

namespace {

struct sleepy_slot {
  std::function<void()> woken;
  void close() noexcept {}
  void pause() noexcept {}
  void resume() noexcept { woken(); }
};

} // namespace

// 15.8
TEST_CASE("a worker is resumed without the manager's lock", "[launcher]") {
  asio::io_context io(1);
  hotslot::slot_queue_manager<sleepy_slot> manager(io.get_executor());
  const std::string key = "k";
  int resumed = 0;
  {
    auto q = manager.get(key).value;
    hotslot::launcher<sleepy_slot> l(q,
                                     [&]() -> asio::awaitable<sleepy_slot> {
                                       co_return sleepy_slot{
                                           [&] { resumed += static_cast<int>(manager.size()); }};
                                     },
                                     {.idle_timeout = 1h, .pause_after = 0ns});
    q.async_acquire([](error_code, auto) {});
    io.poll();
    io.restart();
    io.run_one_for(1s); // when it is to be paused
    io.poll();
    const auto lease = manager.try_acquire(key);
    REQUIRE(lease);
    CHECK(resumed == 1);
  }
  manager.close();
}

// 15.14
TEST_CASE("a launcher runs on the executor of a context itself", "[launcher]") {
  using executor = asio::io_context::executor_type;
  using plain_queue = hotslot::basic_slot_queue<test_slot, executor>;
  using plain_launcher = hotslot::launcher<test_slot>::rebind_executor<executor>::other;
  asio::io_context io(1);
  plain_queue q(io);
  plain_launcher::tracker_type tracker(hundred);
  plain_launcher l(
      q, []() -> asio::awaitable<test_slot, plain_launcher::inner_executor> { co_return test_slot(7); },
      {.start_timeout = 1h, .per_worker = hundred}, tracker);
  std::optional<error_code> served;
  q.async_acquire([&](error_code ec, auto lease) {
    served = ec;
    CHECK(lease->number == 7);
  });
  io.poll();
  CHECK(served == error_code());
  q.close();
}
