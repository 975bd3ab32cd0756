#include <hotslot/slot_queue_manager.hpp>

#include "catch.hpp"
#include "test_slot.hpp"

#include <boost/asio.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace slot_queue_manager_test {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using hotslot::queue_state;
using manager = hotslot::slot_queue_manager<test_slot>;
using clock_type = std::chrono::steady_clock;

struct fixture {
  asio::io_context io{1};
  manager m{io.get_executor()};
  const std::string a = "a";
  const std::string b = "b";
};

TEST_CASE_METHOD(fixture, "a look-up makes the queue once", "[manager]") {
  auto first = m.get(a);
  auto second = m.get(a);
  auto other = m.get(b);
  CHECK(first.is_new);
  CHECK_FALSE(second.is_new);
  CHECK(first.value == second.value);
  CHECK_FALSE(first.value == other.value);
  CHECK(m.size() == 2);
}

TEST_CASE_METHOD(fixture, "weakness 20: a caller is counted as waiting in the step that looks its queue up",
                 "[manager]") {
  auto ticket = m.enter(a).value;
  CHECK(m.snapshot().front().second.count(queue_state::waiter) == 1);
  CHECK_FALSE(m.erase_idle(a));
  CHECK(m.age(clock_type::time_point() + 1h, 0s) == 0);
  SECTION("and no longer when it gives up") {
    ticket = {};
    CHECK(m.snapshot().front().second.count(queue_state::waiter) == 0);
    CHECK(m.erase_idle(a));
    CHECK(m.size() == 0);
  }
  SECTION("and no longer when it has a slot") {
    auto q = m.get(a).value;
    q.queue_slot(test_slot(1));
    auto lease = ticket.try_acquire();
    CHECK(lease);
    CHECK(q.snapshot().count(queue_state::waiter) == 0);
    CHECK(q.snapshot().busy == 1);
  }
  SECTION("and still while its wait is under way") {
    bool got = false;
    ticket.async_acquire(clock_type::time_point::max(), [&](auto ec, auto) { got = !ec; });
    CHECK(m.snapshot().front().second.count(queue_state::waiter) == 1);
    m.get(a).value.queue_slot(test_slot(1));
    io.poll();
    CHECK(got);
    CHECK(m.snapshot().front().second.count(queue_state::waiter) == 0);
  }
}

TEST_CASE_METHOD(fixture, "queues are deleted by age, those in use are not", "[manager]") {
  auto held = m.get(a).value;
  m.get(b);
  const auto t = clock_type::time_point() + 1h;
  CHECK(m.age(t, 10s) == 0);
  CHECK(m.age(t + 9s, 10s) == 0);
  CHECK(m.age(t + 10s, 10s) == 1);
  CHECK(m.size() == 1);
  CHECK(held.is_open());
}

// 15.15
TEST_CASE_METHOD(fixture, "of many queues those are deleted by age that are unused, each looked at once",
                 "[manager]") {
  const auto t = clock_type::time_point() + 1h;
  std::vector<hotslot::slot_queue<test_slot>> held;
  std::vector<std::string> keys;
  for (int n = 0; n < 1000; ++n) {
    keys.push_back(std::to_string(n));
    auto q = m.get(keys.back()).value;
    if (n % 3 == 0)
      held.push_back(std::move(q));
  }
  CHECK(m.age(t, 10s) == 0);
  CHECK(m.erase_idle(keys[1]));
  CHECK(m.age(t + 10s, 10s) == 1000 - held.size() - 1);
  CHECK(m.size() == held.size());
  for (int n = 0; n < 1000; n += 3)
    CHECK_FALSE(m.get(keys[n]).is_new);
  held.clear();
  CHECK(m.age(t + 20s, 10s) == 0);
  CHECK(m.age(t + 30s, 10s) == 334);
  CHECK(m.size() == 0);
}

TEST_CASE_METHOD(fixture, "a queue with an idle slot is not deleted", "[manager]") {
  auto token = m.get(a).value.queue_slot(test_slot(1));
  CHECK_FALSE(m.erase_idle(a));
  CHECK(token.eject());
  CHECK(m.erase_idle(a));
  CHECK_FALSE(m.erase_idle(b));
}

TEST_CASE_METHOD(fixture, "close closes every queue", "[manager]") {
  auto q = m.get(a).value;
  m.close();
  CHECK_FALSE(q.is_open());
  CHECK(m.get(a).is_new);
}

// 15.10
TEST_CASE_METHOD(fixture, "a ticket that is given up has come, and been cancelled", "[manager]") {
  auto q = m.get(a).value;
  m.enter(a);
  CHECK(q.snapshot().totals.cancelled == 1);
}

TEST_CASE_METHOD(fixture, "a ticket's operation that is never launched ends its count", "[manager]") {
  auto q = m.get(a).value;
  auto ticket = m.enter(a).value;
  {
    auto op = ticket.async_acquire(clock_type::time_point::max(), asio::deferred);
    CHECK(q.snapshot().count(queue_state::waiter) == 1);
    CHECK_FALSE(ticket);
  }
  CHECK(q.is_idle());
}

TEST_CASE_METHOD(fixture, "a ticket's deferred operation can be launched again, by another caller",
                 "[manager]") {
  static_assert(!std::is_copy_constructible_v<hotslot::basic_ticket<test_slot>>);
  auto q = m.get(a).value;
  auto ticket = m.enter(a).value;
  const auto op = ticket.async_acquire(clock_type::time_point::max(), asio::deferred);
  int served = 0;
  auto serve = [&](auto ec, auto lease) { served += !ec && lease; };
  op(serve);
  op(serve);
  CHECK(q.snapshot().count(queue_state::waiter) == 3); // the ticket's own count is not spent by copies
  auto token = q.queue_slot(test_slot(1));
  io.run();
  CHECK(served == 2); // the lease that the first dropped went to the second
}

TEST_CASE_METHOD(fixture, "a ticket that its operation has spent keeps the queue open", "[manager]") {
  hotslot::slot_queue<test_slot> q(io);
  auto ticket = q.enter();
  bool got = false;
  ticket.async_acquire(clock_type::time_point::max(), [&](auto ec, auto) { got = !ec; });
  auto token = q.queue_slot(test_slot(1));
  q = hotslot::slot_queue<test_slot>(io);
  io.run();
  CHECK(got);
  CHECK(token.eject()); // still idle
}

TEST_CASE_METHOD(fixture, "a ticket's operation whose coroutine is cancelled before it starts", "[manager]") {
  auto q = m.get(a).value;
  asio::cancellation_signal signal;
  bool aborted = false;
  auto body = [&]() -> asio::awaitable<void> {
    co_await asio::post(asio::use_awaitable);
    auto ticket = m.enter(a).value;
    signal.emit(asio::cancellation_type::terminal);
    try {
      auto l = co_await ticket.async_acquire(clock_type::time_point::max(), asio::use_awaitable);
    } catch (const boost::system::system_error& e) {
      aborted = e.code() == asio::error::operation_aborted;
    }
  };
  asio::co_spawn(io, body(), asio::bind_cancellation_slot(signal.slot(), asio::detached));
  io.run();
  CHECK(aborted);
  CHECK(q.is_idle());
}

// 16.1
TEST_CASE_METHOD(fixture, "a string is looked up by a view of it", "[manager]") {
  const std::string_view path = "a/b";
  CHECK(m.get(path.substr(0, 1)).is_new);
  CHECK_FALSE(m.get(a).is_new);
  CHECK_FALSE(m.enter("a").is_new);
  CHECK(m.snapshot().front().first == a);
}

struct tenant {
  int number = 0;
  std::string model;
  friend bool operator==(const tenant&, const tenant&) = default;
};

} // namespace slot_queue_manager_test

template <>
struct std::hash<slot_queue_manager_test::tenant> {
  std::size_t operator()(const slot_queue_manager_test::tenant& t) const noexcept {
    return static_cast<std::size_t>(t.number) ^ std::hash<std::string>()(t.model);
  }
};

namespace slot_queue_manager_test {

// 16.1
TEST_CASE("a key is whatever can be hashed", "[manager]") {
  asio::io_context io{1};
  hotslot::slot_queue_manager<test_slot, tenant> m(io.get_executor());
  CHECK(m.get({1, "small"}).is_new);
  CHECK(m.get({1, "large"}).is_new);
  CHECK_FALSE(m.get({1, "small"}).is_new);
  CHECK(m.erase_idle({1, "large"}));
  CHECK_FALSE(m.try_acquire({1, "small"}));
  CHECK(m.size() == 1);
}

} // namespace slot_queue_manager_test
