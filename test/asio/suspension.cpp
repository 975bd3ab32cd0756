// Queues that lend nothing for a while.
#include "catch.hpp"
#include "queue_fixture.hpp"
#include "test_slot.hpp"

#include <hotslot/slot_queue_manager.hpp>

#include <boost/asio.hpp>

#include <deque>
#include <optional>
#include <vector>

namespace suspension_test {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using hotslot::errc;
using hotslot::error_code;

using fixture = manual_queue_fixture<test_slot>;

TEST_CASE_METHOD(fixture, "a suspended queue lends nothing, and its callers wait", "[suspension]") {
  q.queue_slot(test_slot(1));
  q.suspend();
  CHECK(q.is_suspended());
  CHECK(q.snapshot().suspended);
  error_code why;
  CHECK_FALSE(q.try_acquire(why));
  CHECK(why == errc::queue_suspended);
  auto& first = call();
  auto& second = call();
  CHECK_FALSE(first.ec);
  CHECK(q.snapshot().idle == 1);
  q.queue_slot(test_slot(2));
  poll();
  CHECK_FALSE(first.ec);
  q.resume();
  poll();
  CHECK(first.ec == error_code());
  CHECK(second.ec == error_code());
  CHECK_FALSE(q.snapshot().suspended);
}

TEST_CASE_METHOD(fixture, "those who waited for a suspension to end are served in their order",
                 "[suspension]") {
  q.suspend();
  auto& first = call();
  auto& second = call();
  q.queue_slot(test_slot(1));
  q.resume();
  poll();
  CHECK(first.ec == error_code());
  CHECK_FALSE(second.ec);
  first.held.release();
  poll();
  CHECK(second.ec == error_code());
}

TEST_CASE_METHOD(fixture, "a suspension takes nothing back, and what comes back is kept", "[suspension]") {
  q.queue_slot(test_slot(1));
  auto held = q.try_acquire();
  auto& waiting = call();
  q.suspend();
  q.suspend();
  held.release();
  poll();
  CHECK_FALSE(waiting.ec);
  CHECK(q.snapshot().idle == 1);
  q.resume();
  q.resume();
  poll();
  CHECK(waiting.ec == error_code());
}

TEST_CASE_METHOD(fixture, "deadlines go on in a suspended queue", "[suspension]") {
  q.queue_slot(test_slot(1));
  q.suspend();
  auto& late = call(manual_clock::now() + 1s);
  pass(1s);
  CHECK(late.ec == errc::deadline_exceeded);
}

TEST_CASE_METHOD(fixture, "a suspended queue can be closed and drained", "[suspension]") {
  test_slot s(1);
  const auto closed = s.closed;
  q.queue_slot(std::move(s));
  q.suspend();
  auto& waiting = call();
  std::optional<error_code> drained;
  q.async_drain([&](error_code ec) { drained = ec; });
  q.close();
  poll();
  CHECK(*closed == 1);
  CHECK(waiting.ec == errc::queue_closed);
  CHECK(drained == error_code());
  error_code why;
  CHECK_FALSE(q.try_acquire(why));
  CHECK(why == errc::queue_closed);
}

TEST_CASE_METHOD(fixture, "a bound holds in a suspended queue", "[suspension]") {
  q.limit_waiters(2);
  q.queue_slot(test_slot(1));
  q.suspend();
  for (int n = 0; n < 3; ++n)
    call();
  CHECK_FALSE(calls[1].ec);
  CHECK(calls[2].ec == errc::queue_full);
}

TEST_CASE("a suspended queue is not deleted by its manager", "[suspension]") {
  asio::io_context io(1);
  hotslot::slot_queue_manager<test_slot> manager(io);
  manager.get("a").value.suspend();
  CHECK_FALSE(manager.erase_idle("a"));
  manager.get("a").value.resume();
  CHECK(manager.erase_idle("a"));
}

TEST_CASE_METHOD(fixture, "a suspension is no overload", "[suspension]") {
  q.set_overload({.shed = true});
  q.suspend();
  for (int n = 0; n < 10; ++n)
    call();
  pass(1min);
  q.resume();
  for (int n = 0; n < 10; ++n) {
    q.queue_slot(test_slot(n));
    pass(1ms);
  }
  CHECK(q.snapshot().totals.shed_overloaded == 0);
  for (const auto& c : calls)
    CHECK(c.ec == error_code());
}

TEST_CASE_METHOD(fixture, "dequeuers are offered nothing by a suspended queue", "[suspension]") {
  q.queue_slot(test_slot(1));
  q.suspend();
  auto d = q.start_dequeuer();
  bool offered = false;
  asio::co_spawn(
      io,
      [&]() -> asio::awaitable<void> {
        auto offer = co_await d.next();
        offered = static_cast<bool>(offer);
      },
      asio::detached);
  poll();
  CHECK_FALSE(offered);
  q.resume();
  poll();
  CHECK(offered);
}

TEST_CASE_METHOD(fixture, "what has to be validated is validated after a suspension", "[suspension]") {
  int validated = 0;
  q.set_upkeep({.validate = [&](test_slot&) -> asio::awaitable<bool> {
    ++validated;
    co_return true;
  }});
  q.queue_slot(test_slot(1));
  q.suspend();
  manual_clock::advance(1s);
  auto& c = call();
  CHECK(validated == 0);
  q.resume();
  poll();
  CHECK(validated == 1);
  CHECK(c.ec == error_code());
}

} // namespace suspension_test
