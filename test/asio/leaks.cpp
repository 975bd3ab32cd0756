// Leases that are out for too long.
#include "catch.hpp"
#include "queue_fixture.hpp"
#include "test_slot.hpp"

#include <hotslot/slot_queue_manager.hpp>

#include <boost/asio.hpp>

#include <optional>
#include <string>
#include <vector>

namespace leaks_test {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using hotslot::error_code;
using hotslot::leaked_lease;

struct fixture : manual_queue_fixture<test_slot> {
  std::vector<leaked_lease> told;

  fixture() {
    q.set_leak_detection(
        {.leak_after = 10s, .on_leak = [this](const leaked_lease& l) { told.push_back(l); }});
  }
  // Second by second, as the timer looks.
  void pass(std::chrono::seconds t) {
    for (; t > 0s; t -= 1s) {
      manual_clock::advance(1s);
      poll();
    }
  }
};

TEST_CASE_METHOD(fixture, "a lease that is out for too long is told once, with where it was acquired",
                 "[leaks]") {
  q.queue_slot(test_slot(1));
  const auto line = std::source_location::current().line() + 1;
  auto held = q.try_acquire();
  pass(9s);
  CHECK(told.empty());
  CHECK(q.leaks().empty());
  pass(3s);
  REQUIRE(told.size() == 1);
  CHECK(told[0].offer == held.id());
  CHECK(told[0].age >= 10s);
  CHECK(told[0].where.line() == line);
  CHECK(std::string(told[0].where.file_name()).find("leaks.cpp") != std::string::npos);
  CHECK(q.snapshot().totals.leaked == 1);
  pass(30s);
  CHECK(told.size() == 1);
  REQUIRE(q.leaks().size() == 1);
  CHECK(q.leaks()[0].age >= 40s);
  CHECK(q.leaks()[0].where.line() == line);
  held.release();
  CHECK(q.leaks().empty());
  CHECK(q.snapshot().totals.leaked == 1);
}

TEST_CASE_METHOD(fixture, "leases that come back in time do not leak, whoever had them", "[leaks]") {
  q.queue_slot(test_slot(1));
  const auto ways = [&](int n) {
    auto l = q.try_acquire();
    REQUIRE(l);
    pass(8s);
    switch (n) {
    case 0:
      return l.release();
    case 1:
      return lease().release(); // and `l` comes back unused
    default:
      l.detach().reset();
    }
  };
  for (int n = 0; n < 3; ++n)
    ways(n);
  pass(30s);
  CHECK(told.empty());
}

TEST_CASE_METHOD(fixture, "every way to acquire tells where", "[leaks]") {
  for (int n = 0; n < 5; ++n)
    q.queue_slot(test_slot(n));
  std::vector<lease> held;
  std::vector<std::uint_least32_t> lines;
  const auto note = [&](lease l, std::source_location at = std::source_location::current()) {
    held.push_back(std::move(l));
    lines.push_back(at.line());
  };
  note(q.try_acquire());
  error_code why;
  note(q.try_acquire(why));
  auto ticket = q.enter();
  note(ticket.try_acquire());
  q.async_acquire([&](error_code, lease l) { held.push_back(std::move(l)); });
  lines.push_back(std::source_location::current().line() - 1);
  poll();
  const auto all = [&]() -> asio::awaitable<void> {
    lines.push_back(std::source_location::current().line() + 1);
    auto l = co_await q.acquire();
    held.push_back(std::move(l));
  };
  asio::co_spawn(io, all, asio::detached);
  poll();
  REQUIRE(held.size() == 5);
  pass(12s);
  REQUIRE(told.size() == 5);
  for (std::size_t n = 0; n < told.size(); ++n)
    CHECK(told[n].where.line() == lines[n]);
}

TEST_CASE_METHOD(fixture, "a queue whose leases are back runs no timer", "[leaks]") {
  q.queue_slot(test_slot(1));
  { auto l = q.try_acquire(); }
  pass(2s);
  io.restart();
  CHECK(io.run() == 0); // which would wait for a timer
}

TEST_CASE_METHOD(fixture, "leaks are looked for until the queue is closed", "[leaks]") {
  q.queue_slot(test_slot(1));
  auto held = q.try_acquire();
  pass(9s);
  q.close();
  poll();
  io.restart();
  CHECK(io.run() == 0); // which would wait for a timer
  pass(30s);
  CHECK(told.empty());
}

TEST_CASE("a lease that leaks may outlive its context", "[leaks]") {
  auto io = std::make_unique<asio::io_context>();
  std::optional<fixture::queue_type> q(std::in_place, *io);
  q->set_leak_detection({.leak_after = 1s});
  q->queue_slot(test_slot(1));
  auto held = q->try_acquire();
  io.reset();
  q.reset();
  CHECK(held);
}

} // namespace leaks_test
