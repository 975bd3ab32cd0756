#include <hotslot/slot_queue.hpp>

#include "catch.hpp"
#include "test_slot.hpp"

#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>

#include <optional>
#include <vector>

namespace slot_queue_test {

namespace asio = boost::asio;

// A million idle slots are worth it: what a slot's queue adds to it has no gap.
struct number_slot {
  std::uint64_t n;
  void close() noexcept {}
};
static_assert(sizeof(hotslot::detail::slot_entry<number_slot, hotslot::detail::slot_node>) ==
              48 + sizeof(number_slot));
using namespace std::chrono_literals;
using asio::use_awaitable;
using hotslot::errc;
using hotslot::error_code;
using hotslot::queue_state;
using hotslot::slot_fate;
using queue = hotslot::slot_queue<test_slot>;
using lease = hotslot::lease<test_slot>;

// One wait by callback, and what became of it.
struct caller {
  std::optional<error_code> ec;
  lease held;
  asio::cancellation_signal signal;

  void acquire(queue& q, queue::time_point deadline = queue::time_point::max()) {
    q.async_acquire(deadline, asio::bind_cancellation_slot(signal.slot(), [this](error_code e, lease l) {
                      REQUIRE_FALSE(ec);
                      ec = e;
                      held = std::move(l);
                    }));
  }
};

struct fixture {
  asio::io_context io{1};
  queue q{io};

  // Runs what is ready; callers may go on waiting.
  void poll() {
    io.restart();
    io.poll();
  }
  // Runs until nothing is outstanding.
  void run() {
    io.restart();
    io.run();
  }
};

TEST_CASE_METHOD(fixture, "idle slots leave newest first, with ejections between", "[slot_queue]") {
  std::vector<queue::token_type> tokens;
  for (int i = 0; i < 10; ++i)
    tokens.push_back(q.queue_slot(test_slot(i)));
  CHECK(q.snapshot().idle == 10);
  CHECK(tokens[3].eject());
  CHECK_FALSE(tokens[3].eject());
  CHECK(tokens[8].eject());
  std::vector<lease> leases;
  for (int expected : {9, 7, 6, 5, 4, 2, 1, 0}) {
    leases.push_back(q.try_acquire());
    REQUIRE(leases.back());
    CHECK(leases.back()->number == expected);
    CHECK_FALSE(tokens[expected].eject());
  }
  CHECK_FALSE(q.try_acquire());
  CHECK(q.snapshot().busy == 8);
  for (auto& l : leases)
    l.release();
  CHECK(q.snapshot().idle == 8);
  CHECK(q.is_idle());
}

TEST_CASE_METHOD(fixture, "weakness 21: waiters are served oldest first, one by each queued slot",
                 "[slot_queue]") {
  std::array<caller, 3> callers;
  for (auto& c : callers)
    c.acquire(q);
  CHECK(q.snapshot().count(queue_state::waiter) == 3);
  q.queue_slot(test_slot(1));
  poll();
  CHECK(callers[0].held);
  CHECK_FALSE(callers[1].ec);
  CHECK_FALSE(q.try_acquire());
  callers[0].held.release();
  poll();
  CHECK(callers[1].held);
  CHECK_FALSE(callers[2].ec);
  callers[1].held.discard();
  q.queue_slot(test_slot(2));
  run();
  CHECK(callers[2].held->number == 2);
}

TEST_CASE_METHOD(fixture, "weakness 6: a wait ends by its deadline, and run() returns", "[slot_queue]") {
  caller c;
  c.acquire(q, queue::clock_type::now() + 5ms);
  run();
  REQUIRE(c.ec);
  CHECK(*c.ec == errc::deadline_exceeded);
  CHECK(q.is_idle());
  CHECK(q.snapshot().totals.timed_out == 1);
}

TEST_CASE("a wait may be limited by a time from now", "[slot_queue]") {
  using limit = queue::time_limit;
  const auto now = queue::clock_type::now();
  CHECK(limit(now).at() == now);
  const auto hour = limit(1h).at();
  CHECK(hour >= now + 1h);
  CHECK(hour <= queue::clock_type::now() + 1h);
  CHECK(limit(std::chrono::duration<double, std::pico>(1)).at() > now);
  for (const auto forever : {limit(std::chrono::hours::max()), limit(std::chrono::years(1'000'000)),
                             limit(queue::clock_type::duration::max())})
    CHECK(forever.at() == queue::time_point::max());
  for (const auto past :
       {limit(0s), limit(-1s), limit(std::chrono::hours::min()), limit(std::chrono::nanoseconds::min())}) {
    CHECK(past.at() >= now);
    CHECK(past.at() <= queue::clock_type::now());
  }
}

TEST_CASE_METHOD(fixture, "a handle and a lease that are const are as good", "[slot_queue]") {
  const queue handle = q;
  std::vector<error_code> ended;
  handle.async_acquire(1ms, [&](error_code ec, lease) { ended.push_back(ec); });
  auto ticket = handle.enter();
  ticket.async_acquire(1ms, [&](error_code ec, lease) { ended.push_back(ec); });
  run();
  CHECK(ended == std::vector<error_code>(2, errc::deadline_exceeded));
  handle.queue_slot(test_slot(1));
  auto body = [&]() -> asio::awaitable<void> {
    const auto l = co_await handle.acquire(1s);
    CHECK(l->number + (*l).number + l.get().number == 3);
  };
  asio::co_spawn(io, body(), asio::detached);
  run();
  CHECK(q.snapshot().totals.ejected_dirty == 1); // it was looked at
  handle.close();
  handle.async_drain(1s, [&](error_code ec) { ended.push_back(ec); });
  run();
  CHECK_FALSE(ended.back());
}

TEST_CASE_METHOD(fixture, "a cancelled waiter leaves its grant to the next", "[slot_queue]") {
  caller a, b;
  a.acquire(q);
  b.acquire(q);
  q.queue_slot(test_slot(1)); // granted to a, not yet delivered
  a.signal.emit(asio::cancellation_type::total);
  run();
  CHECK(*a.ec == asio::error::operation_aborted);
  CHECK_FALSE(a.held);
  CHECK(b.held);
}

TEST_CASE_METHOD(fixture, "a revoked grant goes back to its place, its id unchanged", "[slot_queue]") {
  caller a;
  a.acquire(q);
  auto first = q.queue_slot(test_slot(1)); // granted to a
  q.queue_slot(test_slot(2));
  a.signal.emit(asio::cancellation_type::terminal);
  run();
  CHECK(q.snapshot().idle == 2);
  CHECK(q.try_acquire()->number == 2); // touched, so closed
  CHECK(q.try_acquire()->number == 1);
  CHECK_FALSE(first.eject());
}

TEST_CASE_METHOD(fixture, "what becomes of a lease", "[slot_queue]") {
  auto counted = test_slot(1);
  auto closed = counted.closed;
  q.queue_slot(std::move(counted));
  SECTION("untouched: back") {
    { auto l = q.try_acquire(); }
    CHECK(*closed == 0);
    CHECK(q.snapshot().idle == 1);
  }
  SECTION("touched: closed") {
    { q.try_acquire()->number = 3; }
    CHECK(*closed == 1);
    CHECK(q.snapshot().idle == 0);
    CHECK(q.snapshot().totals.ejected_dirty == 1);
  }
  SECTION("released") {
    q.try_acquire().release();
    CHECK(*closed == 0);
    CHECK(q.snapshot().idle == 1);
  }
  SECTION("discarded") {
    q.try_acquire().discard();
    CHECK(*closed == 1);
  }
  SECTION("released after close") {
    auto l = q.try_acquire();
    q.close();
    CHECK(*closed == 0);
    l.release();
    CHECK(*closed == 1);
  }
  SECTION("outlives the queue") {
    auto l = q.try_acquire();
    q = queue(io);
    l.release();
    CHECK(*closed == 1);
  }
}

TEST_CASE_METHOD(fixture, "tokens tell the fate of an offer and of the slot", "[slot_queue]") {
  auto token = q.queue_slot(test_slot(1));
  std::optional<slot_fate> offer, end;
  token.async_wait([&](error_code, slot_fate f) { offer = f; });
  token.async_wait_closed([&](error_code, slot_fate f) { end = f; });
  SECTION("acquired, and discarded") {
    auto l = q.try_acquire();
    poll();
    CHECK(offer == slot_fate::acquired);
    CHECK_FALSE(end);
    l.discard();
  }
  SECTION("ejected") { CHECK(token.eject()); }
  SECTION("closed") { q.close(); }
  run();
  REQUIRE(end);
  CHECK(*end == (q.is_open() ? slot_fate::ejected : slot_fate::closed));
  CHECK(offer.has_value());
}

TEST_CASE_METHOD(fixture, "weakness 7: an offer that was put back unused stands as before", "[slot_queue]") {
  auto token = q.queue_slot(test_slot(1));
  q.try_acquire();
  std::optional<hotslot::slot_fate> fate;
  token.async_wait([&](error_code, hotslot::slot_fate f) { fate = f; });
  poll();
  CHECK_FALSE(fate);
  CHECK(token.eject());
  poll();
  CHECK(fate == hotslot::slot_fate::ejected);
}

TEST_CASE_METHOD(fixture, "a retired slot is closed when it is free", "[slot_queue]") {
  auto token = q.queue_slot(test_slot(1));
  auto l = q.try_acquire();
  token.retire_gone();
  CHECK(q.snapshot().busy == 1);
  l.release();
  CHECK(q.snapshot().idle == 0);
  CHECK(q.snapshot().totals.ejected_gone == 1);

  caller a;
  a.acquire(q);
  auto dying = q.queue_slot(test_slot(2)); // granted, and gone before it is delivered
  dying.retire_gone();
  poll();
  CHECK_FALSE(a.ec);
  q.queue_slot(test_slot(3));
  run();
  CHECK(a.held->number == 3);
}

TEST_CASE_METHOD(fixture, "close ends waits and grants with an error of its own", "[slot_queue]") {
  caller granted, waiting, late;
  granted.acquire(q);
  waiting.acquire(q);
  auto s = test_slot(1);
  auto closed = s.closed;
  q.queue_slot(std::move(s));
  std::optional<error_code> drained;
  q.async_drain(queue::time_point::max(), [&](error_code ec) { drained = ec; });
  poll();
  auto held = std::move(granted.held);
  q.close();
  late.acquire(q);
  poll();
  CHECK(*waiting.ec == errc::queue_closed);
  CHECK(*late.ec == errc::queue_closed);
  CHECK_FALSE(drained);
  held.release();
  CHECK(*closed == 1);
  run();
  CHECK(drained == error_code());
}

TEST_CASE_METHOD(fixture, "a queue is drained when the last caller with a ticket has been refused",
                 "[slot_queue]") {
  auto ticket = q.enter();
  q.close();
  std::optional<error_code> drained, refused;
  q.async_drain(queue::time_point::max(), [&](error_code ec) { drained = ec; });
  poll();
  CHECK_FALSE(drained);
  ticket.async_acquire(queue::time_point::max(), [&](error_code ec, lease) { refused = ec; });
  poll();
  CHECK(refused == errc::queue_closed);
  CHECK(drained == error_code());
}

TEST_CASE_METHOD(fixture, "close takes a granted slot from a caller that it has not reached",
                 "[slot_queue]") {
  caller a;
  a.acquire(q);
  auto s = test_slot(1);
  auto closed = s.closed;
  q.queue_slot(std::move(s));
  q.close();
  CHECK(*closed == 1);
  run();
  CHECK(*a.ec == errc::queue_closed);
  CHECK_FALSE(a.held);
}

TEST_CASE_METHOD(fixture, "cancel ends the waits, not the queue", "[slot_queue]") {
  caller a;
  a.acquire(q);
  q.cancel();
  run();
  CHECK(*a.ec == asio::error::operation_aborted);
  CHECK(q.is_open());
}

TEST_CASE_METHOD(fixture, "a bound on waiters refuses the next at once", "[slot_queue]") {
  q.limit_waiters(1);
  caller a, b;
  a.acquire(q);
  b.acquire(q);
  poll();
  CHECK_FALSE(a.ec);
  CHECK(*b.ec == errc::queue_full);
  q.cancel();
  run();
}

TEST_CASE_METHOD(fixture, "peer weakness 16: a race that loses a granted slot gives it back",
                 "[slot_queue]") {
  using namespace asio::experimental::awaitable_operators;
  auto race = [&]() -> asio::awaitable<void> {
    asio::steady_timer timer(io, 1ms);
    auto winner = co_await (q.async_acquire(use_awaitable) || timer.async_wait(use_awaitable));
    CHECK(winner.index() == 1);
    q.queue_slot(test_slot(1));
    auto both = co_await (q.acquire() || q.acquire());
    CHECK(both.index() == 0);
  };
  asio::co_spawn(io, race(), asio::detached);
  run();
  CHECK(q.snapshot().idle == 1);
  CHECK(q.is_idle());
}

TEST_CASE_METHOD(fixture, "waits are destroyed with their context", "[slot_queue]") {
  auto alive = std::make_shared<int>(0);
  std::weak_ptr<int> watch = alive;
  std::unique_ptr<queue> outliving;
  {
    asio::io_context inner;
    outliving = std::make_unique<queue>(inner);
    outliving->async_acquire([alive = std::move(alive)](error_code, lease) { FAIL("invoked"); });
    outliving->async_drain(queue::time_point::max(), [keep = watch.lock()](error_code) { FAIL("invoked"); });
  }
  CHECK(watch.expired());
  CHECK(outliving->is_idle());
}

TEST_CASE_METHOD(fixture, "a grant that dies with its context goes back", "[slot_queue]") {
  {
    asio::io_context inner;
    q.async_acquire(asio::bind_executor(inner, [](error_code, lease) { FAIL("invoked"); }));
    q.queue_slot(test_slot(1));
  }
  CHECK(q.snapshot().idle == 1);
  CHECK(q.is_idle());
}

TEST_CASE_METHOD(fixture, "a dequeuer offers the newest idle slot; dropping changes nothing", "[dequeuer]") {
  for (int i = 0; i < 3; ++i)
    q.queue_slot(test_slot(i));
  auto consume = [&]() -> asio::awaitable<void> {
    auto dequeuer = q.start_dequeuer();
    auto offer = co_await dequeuer.next();
    CHECK(offer.token().id() == 2);
    CHECK(q.snapshot().idle == 2);
    offer = {};
    CHECK(q.snapshot().idle == 3);
    offer = co_await dequeuer.next();
    CHECK(offer.token().eject());
    CHECK_FALSE(offer.acquire());
    offer = co_await dequeuer.next();
    auto l = offer.acquire();
    REQUIRE(l);
    CHECK(l->number == 1);
    CHECK_FALSE(offer);
    dequeuer.cancel();
    CHECK_FALSE(co_await dequeuer.next());
    l.release();
  };
  asio::co_spawn(io, consume(), [](std::exception_ptr e) { CHECK_FALSE(e); });
  run();
  CHECK(q.snapshot().idle == 2);
  CHECK(q.is_idle());
}

TEST_CASE_METHOD(fixture, "cancelling a dequeuer ends its wait", "[dequeuer]") {
  auto dequeuer = q.start_dequeuer();
  bool ended = false;
  auto consume = [&]() -> asio::awaitable<void> {
    auto offer = co_await dequeuer.next();
    CHECK_FALSE(offer);
    ended = true;
  };
  asio::co_spawn(io, consume(), asio::detached);
  poll();
  CHECK(q.snapshot().count(queue_state::waiter) == 1);
  dequeuer.cancel();
  run();
  CHECK(ended);
  CHECK(q.is_idle());
}

} // namespace slot_queue_test
