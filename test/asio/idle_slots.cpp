// Idle slots: which one is lent, waiting for them, ending them.
#include "catch.hpp"
#include "queue_fixture.hpp"
#include "test_slot.hpp"

#include <hotslot/slot_queue.hpp>

#include <boost/asio.hpp>

#include <memory>
#include <optional>
#include <vector>

namespace idle_slots_test {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using hotslot::errc;
using hotslot::error_code;

struct fixture : manual_queue_fixture<test_slot> {
  void add(int from, int to) {
    for (; from <= to; ++from)
      q.queue_slot(test_slot(from));
  }
  int lend_one() {
    auto l = q.try_acquire();
    const int n = l->number;
    l.release();
    return n;
  }
};

TEST_CASE_METHOD(fixture, "the newest idle slot is lent first, or the oldest", "[idle]") {
  add(1, 3);
  CHECK(lend_one() == 3);
  CHECK(lend_one() == 3);
  q.set_order(hotslot::idle_order::oldest);
  CHECK(lend_one() == 1);
  CHECK(lend_one() == 2);
  CHECK(lend_one() == 3);
  CHECK(lend_one() == 1);
  q.set_order(hotslot::idle_order::newest);
  CHECK(lend_one() == 1);
}

TEST_CASE_METHOD(fixture, "the oldest idle slot is ejected, whichever is lent first", "[idle]") {
  q.set_order(hotslot::idle_order::oldest);
  add(1, 1);
  manual_clock::advance(1s);
  add(2, 2);
  q.eject_idle(manual_clock::now() - 1s);
  CHECK(lend_one() == 2);
  CHECK(q.snapshot().idle == 1);
}

TEST_CASE_METHOD(fixture, "idle slots are ended by what they are", "[idle]") {
  add(1, 4);
  auto held = q.try_acquire();
  std::vector<int> seen;
  CHECK(q.eject_if([&](const test_slot& s) {
    seen.push_back(s.number);
    return s.number % 2 == 1;
  }) == 2);
  CHECK(seen == std::vector<int>{1, 2, 3});
  CHECK(q.snapshot().idle == 1);
  CHECK(q.snapshot().totals.ejected_requested == 2);
  CHECK(lend_one() == 2);
  CHECK(q.eject_if([](const test_slot&) { return true; }) == 1);
  held.release();
  CHECK(q.snapshot().idle == 1);
}

TEST_CASE_METHOD(fixture, "it can be waited for that so many slots are idle", "[idle]") {
  std::optional<error_code> two, none, late;
  q.async_wait_idle(0, [&](error_code ec) { none = ec; });
  q.async_wait_idle(2, [&](error_code ec) { two = ec; });
  q.async_wait_idle(3, manual_clock::now() + 1s, [&](error_code ec) { late = ec; });
  poll();
  CHECK(none == error_code());
  add(1, 1);
  {
    auto held = q.try_acquire();
    add(2, 2);
    poll();
    CHECK_FALSE(two); // not at once
  }
  poll();
  CHECK(two == error_code());
  CHECK(q.snapshot().idle == 2);
  manual_clock::advance(1s);
  poll();
  CHECK(late == errc::deadline_exceeded);
  CHECK(q.snapshot().totals.timed_out == 0);
  CHECK(q.snapshot().totals.cancelled == 0);
}

TEST_CASE_METHOD(fixture, "a wait for idle slots ends with its queue, and with its caller", "[idle]") {
  std::optional<error_code> closed, cancelled, after;
  asio::cancellation_signal cancel;
  q.async_wait_idle(1, [&](error_code ec) { closed = ec; });
  q.async_wait_idle(1, asio::bind_cancellation_slot(cancel.slot(), [&](error_code ec) { cancelled = ec; }));
  cancel.emit(asio::cancellation_type::total);
  poll();
  CHECK(cancelled == asio::error::operation_aborted);
  CHECK_FALSE(closed);
  q.close();
  q.async_wait_idle(1, [&](error_code ec) { after = ec; });
  poll();
  CHECK(closed == errc::queue_closed);
  CHECK(after == errc::queue_closed);
}

TEST_CASE("a wait for idle slots is destroyed with its context", "[idle]") {
  auto destroyed = std::make_shared<int>();
  std::weak_ptr<int> watch = destroyed;
  auto io = std::make_unique<asio::io_context>();
  fixture::queue_type q(*io);
  q.async_wait_idle(1, [destroyed](error_code) {});
  destroyed.reset();
  CHECK_FALSE(watch.expired());
  io.reset();
  CHECK(watch.expired());
}

TEST_CASE_METHOD(fixture, "who gets no slot can be told why", "[idle]") {
  error_code why = errc::queue_full;
  CHECK_FALSE(q.try_acquire(why));
  CHECK(why == errc::none_idle);
  q.set_upkeep({.validate = [](test_slot&) -> asio::awaitable<bool> { co_return true; }});
  add(1, 1);
  {
    const auto held = q.try_acquire(why);
    CHECK(held);
    CHECK_FALSE(why);
    CHECK_FALSE(q.try_acquire(why));
    CHECK(why == errc::none_idle);
  }
  manual_clock::advance(1s);
  CHECK_FALSE(q.try_acquire(why));
  CHECK(why == errc::not_validated);
  poll();
  CHECK(q.try_acquire(why));
  q.close();
  CHECK_FALSE(q.try_acquire(why));
  CHECK(why == errc::queue_closed);
  queue_type unused(io);
  unused.close();
  CHECK_FALSE(unused.try_acquire(why));
  CHECK(why == errc::queue_closed);
}

} // namespace idle_slots_test
