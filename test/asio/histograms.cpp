// What a queue records of its waits, runs and starts, and under which cause.
#include <hotslot/launcher.hpp>
#include <hotslot/slot_queue.hpp>

#include "catch.hpp"
#include "manual_clock.hpp"
#include "test_slot.hpp"

#include <boost/asio.hpp>

#include <deque>
#include <memory>
#include <optional>

namespace histograms_test {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using hotslot::errc;
using hotslot::error_code;
using hotslot::latency_histogram;
using hotslot::launcher_options;
using hotslot::queue_histograms;
using hotslot::wait_cause;
using queue = hotslot::basic_slot_queue<test_slot, asio::any_io_executor, manual_traits>;
using lease = queue::lease_type;
using launcher = hotslot::basic_launcher<test_slot, asio::any_io_executor, manual_traits>;

struct call {
  std::optional<error_code> ec;
  lease held;
  asio::cancellation_signal signal;
};

struct fixture {
  asio::io_context io{1};
  queue q{io};
  std::deque<call> calls;

  call& begin(queue::time_point deadline = queue::time_point::max()) {
    call& c = calls.emplace_back();
    q.async_acquire(deadline, asio::bind_cancellation_slot(c.signal.slot(), [&c](error_code ec, lease l) {
                      c.ec = ec;
                      c.held = std::move(l);
                    }));
    poll();
    return c;
  }
  call& begin_for(manual_clock::duration patience) { return begin(manual_clock::now() + patience); }

  void poll() {
    io.restart();
    io.poll();
  }
  void pass(manual_clock::duration d) {
    manual_clock::advance(d);
    poll();
  }

  std::uint64_t waits(wait_cause c) const { return q.histograms().wait(c).count(); }
  std::uint64_t all_waits() const {
    return waits(wait_cause::call) + waits(wait_cause::start) + waits(wait_cause::resources);
  }
};

// Starts that stay outstanding until the test ends them.
struct launched_fixture : fixture {
  using step = asio::steady_timer;
  std::deque<std::shared_ptr<step>> starting;
  error_code failure;
  std::optional<launcher> starter;

  void launch(launcher_options options = {}, std::optional<hotslot::resource_tracker> tracker = {}) {
    starter.emplace(
        q, [this] { return start(); }, std::move(options), std::move(tracker));
    poll();
  }

  asio::awaitable<test_slot> start() {
    auto s = std::make_shared<step>(io, step::time_point::max());
    starting.push_back(s);
    co_await s->async_wait(asio::as_tuple(asio::use_awaitable));
    if (failure)
      throw boost::system::system_error(failure);
    co_return test_slot(1);
  }

  void finish_one() {
    REQUIRE_FALSE(starting.empty());
    starting.front()->cancel();
    starting.pop_front();
    poll();
  }
};

// Exactly one latency, which is `t` within the histogram's error.
void check_one(const latency_histogram& h, std::chrono::nanoseconds t) {
  CHECK(h.count() == 1);
  CHECK(h.sum() == t);
  CHECK(h.percentile(100) >= t);
  CHECK(h.percentile(100) <= t + t / 8);
}

TEST_CASE_METHOD(fixture, "a queue that nobody has used has empty histograms", "[histograms]") {
  const auto h = q.histograms();
  CHECK(all_waits() == 0);
  CHECK(h.runs.count() == 0);
  CHECK(h.starts.count() == 0);
  CHECK(h.immediate == 0);
}

TEST_CASE_METHOD(fixture, "an acquisition of an idle slot is immediate, not a wait", "[histograms]") {
  q.queue_slot(test_slot(1));
  SECTION("try_acquire") { REQUIRE(q.try_acquire()); }
  SECTION("async_acquire") { REQUIRE(begin().held); }
  SECTION("a ticket's try_acquire") {
    auto ticket = q.enter();
    REQUIRE(ticket.try_acquire());
  }
  SECTION("a ticket's async_acquire") {
    auto ticket = q.enter();
    ticket.async_acquire(queue::time_point::max(), [](error_code ec, lease) { CHECK_FALSE(ec); });
    poll();
  }
  CHECK(q.histograms().immediate == 1);
  CHECK(all_waits() == 0);
}

TEST_CASE_METHOD(fixture, "nothing idle is nothing immediate", "[histograms]") {
  CHECK_FALSE(q.try_acquire());
  auto ticket = q.enter();
  CHECK_FALSE(ticket.try_acquire());
  CHECK(q.histograms().immediate == 0);
}

TEST_CASE_METHOD(fixture, "an immediate grant that is ejected on its way becomes a wait", "[histograms]") {
  auto token = q.queue_slot(test_slot(1));
  call& c = calls.emplace_back();
  q.async_acquire([&c](error_code, lease l) { c.held = std::move(l); });
  token.retire();
  pass(3ms);
  CHECK_FALSE(c.held);
  q.queue_slot(test_slot(2));
  poll();
  REQUIRE(c.held);
  CHECK(q.histograms().immediate == 0);
  check_one(q.histograms().wait(wait_cause::start), 3ms);
}

TEST_CASE_METHOD(fixture, "a wait that another call's end ends is one for a call", "[histograms]") {
  q.queue_slot(test_slot(1));
  auto first = q.try_acquire();
  call& second = begin();
  pass(20ms);
  first.release();
  poll();
  REQUIRE(second.held);
  check_one(q.histograms().wait(wait_cause::call), 20ms);
  CHECK(all_waits() == 1);
}

TEST_CASE_METHOD(fixture, "a wait that a new slot ends is one for a start, the next use of it is not",
                 "[histograms]") {
  call& first = begin();
  call& second = begin();
  pass(5ms);
  q.queue_slot(test_slot(1));
  poll();
  REQUIRE(first.held);
  check_one(q.histograms().wait(wait_cause::start), 5ms);
  pass(7ms);
  first.held.release();
  poll();
  REQUIRE(second.held);
  check_one(q.histograms().wait(wait_cause::call), 12ms);
}

TEST_CASE_METHOD(fixture, "a new slot that was idle first is no longer new", "[histograms]") {
  q.queue_slot(test_slot(1));
  auto first = q.try_acquire();
  begin();
  first.release();
  poll();
  CHECK(waits(wait_cause::call) == 1);
  CHECK(waits(wait_cause::start) == 0);
}

TEST_CASE_METHOD(fixture, "the cause goes on with a grant that its caller did not take", "[histograms]") {
  call& gone = begin();
  call& next = begin();
  pass(4ms);
  q.queue_slot(test_slot(1)); // granted to the first
  gone.signal.emit(asio::cancellation_type::terminal);
  poll();
  CHECK(gone.ec == asio::error::operation_aborted);
  REQUIRE(next.held);
  check_one(q.histograms().wait(wait_cause::start), 4ms);
  CHECK(all_waits() == 1);
}

TEST_CASE_METHOD(fixture, "a wait that timed out where all workers are busy is one for a call",
                 "[histograms]") {
  q.queue_slot(test_slot(1));
  auto busy = q.try_acquire();
  call& c = begin_for(30ms);
  pass(30ms);
  CHECK(c.ec == errc::deadline_exceeded);
  check_one(q.histograms().wait(wait_cause::call), 30ms);
  CHECK(all_waits() == 1);
}

TEST_CASE_METHOD(fixture, "a wait that timed out where there is no worker is one for a start",
                 "[histograms]") {
  call& c = begin_for(30ms);
  pass(30ms);
  CHECK(c.ec == errc::deadline_exceeded);
  check_one(q.histograms().wait(wait_cause::start), 30ms);
  CHECK(all_waits() == 1);
}

TEST_CASE_METHOD(fixture, "waits that end in another way are not recorded", "[histograms]") {
  q.limit_waiters(1);
  call& c = begin();
  pass(1ms);
  error_code expected;
  SECTION("cancelled by a signal") {
    c.signal.emit(asio::cancellation_type::terminal);
    expected = asio::error::operation_aborted;
  }
  SECTION("cancelled with all others") {
    q.cancel();
    expected = asio::error::operation_aborted;
  }
  SECTION("ended by a failed launch") {
    q.fail_waiters(asio::error::connection_refused, 1);
    expected = asio::error::connection_refused;
  }
  SECTION("ended with the queue") {
    q.close();
    expected = errc::queue_closed;
  }
  SECTION("refused") {
    CHECK(begin().ec == errc::queue_full);
    q.cancel();
    expected = asio::error::operation_aborted;
  }
  poll();
  REQUIRE(c.ec);
  CHECK(*c.ec == expected);
  CHECK(all_waits() == 0);
  CHECK(q.histograms().immediate == 0);
}

TEST_CASE_METHOD(fixture, "a drain that timed out is no wait for a slot", "[histograms]") {
  std::optional<error_code> drained;
  q.async_drain(manual_clock::now() + 5ms, [&](error_code ec) { drained = ec; });
  pass(5ms);
  CHECK(drained == make_error_code(errc::deadline_exceeded));
  CHECK(all_waits() == 0);
}

TEST_CASE_METHOD(fixture, "runs last from the acquisition to the lease's return", "[histograms]") {
  q.queue_slot(test_slot(1));
  auto l = q.try_acquire();
  pass(50ms);
  SECTION("released") { l.release(); }
  SECTION("discarded") { l.discard(); }
  SECTION("destroyed after use") {
    l->number = 2;
    l = {};
  }
  SECTION("into a closed queue") {
    q.close();
    l.release();
  }
  check_one(q.histograms().runs, 50ms);
}

TEST_CASE_METHOD(fixture, "the run of a caller that waited begins with the grant", "[histograms]") {
  call& c = begin();
  pass(8ms);
  q.queue_slot(test_slot(1));
  manual_clock::advance(2ms); // granted, not delivered
  poll();
  pass(30ms);
  c.held.release();
  check_one(q.histograms().wait(wait_cause::start), 8ms);
  check_one(q.histograms().runs, 32ms);
}

TEST_CASE_METHOD(fixture, "a lease that was put back unused is no run", "[histograms]") {
  q.queue_slot(test_slot(1));
  {
    auto l = q.try_acquire();
    pass(50ms);
  }
  CHECK(q.snapshot().idle == 1);
  CHECK(q.histograms().runs.count() == 0);
}

TEST_CASE_METHOD(fixture, "a dequeuer's waits are recorded, idle offers are not", "[histograms]") {
  auto dequeuer = q.start_dequeuer();
  bool done = false;
  auto consume = [&]() -> asio::awaitable<void> {
    auto offer = co_await dequeuer.next();
    offer = {};
    offer = co_await dequeuer.next();
    offer.acquire().release();
    done = true;
  };
  asio::co_spawn(io, consume(), asio::detached);
  poll();
  pass(6ms);
  q.queue_slot(test_slot(1));
  poll();
  REQUIRE(done);
  check_one(q.histograms().wait(wait_cause::start), 6ms);
  CHECK(all_waits() == 1);
  CHECK(q.histograms().immediate == 0);
  CHECK(q.histograms().runs.count() == 1);
}

TEST_CASE_METHOD(launched_fixture, "starts last from the factory's call to its end", "[histograms]") {
  launch();
  call& c = begin();
  pass(70ms);
  finish_one();
  REQUIRE(c.held);
  check_one(q.histograms().starts, 70ms);
  check_one(q.histograms().wait(wait_cause::start), 70ms);
  CHECK(all_waits() == 1);
}

TEST_CASE_METHOD(launched_fixture, "a failed start is no start", "[histograms]") {
  launch({.failures_end = hotslot::failure_scope::one});
  failure = asio::error::connection_refused;
  call& c = begin();
  pass(70ms);
  finish_one();
  CHECK(c.ec == asio::error::connection_refused);
  CHECK(q.histograms().starts.count() == 0);
  CHECK(all_waits() == 0);
}

TEST_CASE_METHOD(launched_fixture, "of two that wait for a start one may be served by a call",
                 "[histograms]") {
  launch({.max_workers = 2});
  call& first = begin();
  finish_one();
  call& second = begin();
  call& third = begin();
  pass(10ms);
  first.held.release();
  poll();
  REQUIRE(second.held);
  pass(10ms);
  finish_one();
  REQUIRE(third.held);
  const auto h = q.histograms();
  check_one(h.wait(wait_cause::call), 10ms);
  CHECK(h.wait(wait_cause::start).count() == 2); // the first and the third
  CHECK(h.wait(wait_cause::start).sum() == 20ms);
}

TEST_CASE_METHOD(launched_fixture, "a wait that timed out during a start is one for a start",
                 "[histograms]") {
  launch();
  call& c = begin_for(40ms);
  REQUIRE(starting.size() == 1);
  pass(40ms);
  CHECK(c.ec == errc::deadline_exceeded);
  check_one(q.histograms().wait(wait_cause::start), 40ms);
  pass(20ms);
  finish_one(); // its worker is idle: nobody has waited for it
  CHECK(q.snapshot().idle == 1);
  CHECK(all_waits() == 1);
  check_one(q.histograms().starts, 60ms);
}

TEST_CASE_METHOD(launched_fixture, "a wait for a worker that waited for resources is one for resources",
                 "[histograms]") {
  const hotslot::resources one{.memory_mb = 100, .cpu_milli = 0};
  hotslot::resource_tracker tracker(one);
  auto taken = tracker.open_account().try_reserve(one);
  launch({.per_worker = one}, tracker);
  SECTION("and is served") {
    call& c = begin();
    CHECK(q.snapshot().resource_waiters == 1);
    pass(15ms);
    taken.reset();
    poll();
    pass(5ms);
    finish_one();
    REQUIRE(c.held);
    check_one(q.histograms().wait(wait_cause::resources), 20ms);
    check_one(q.histograms().starts, 5ms);
  }
  SECTION("and times out before it has them") {
    call& c = begin_for(25ms);
    pass(25ms);
    CHECK(c.ec == errc::deadline_exceeded);
    check_one(q.histograms().wait(wait_cause::resources), 25ms);
    CHECK(q.histograms().starts.count() == 0);
  }
  CHECK(all_waits() == 1);
}

TEST_CASE_METHOD(launched_fixture, "a worker that had its resources at once is waited for as a start",
                 "[histograms]") {
  const hotslot::resources one{.memory_mb = 100, .cpu_milli = 0};
  launch({.per_worker = one}, hotslot::resource_tracker(one));
  begin();
  pass(5ms);
  finish_one();
  check_one(q.histograms().wait(wait_cause::start), 5ms);
  CHECK(all_waits() == 1);
}

TEST_CASE_METHOD(launched_fixture, "nor does it wait for resources where only others have to",
                 "[histograms]") {
  const hotslot::resources one{.memory_mb = 100, .cpu_milli = 0}, much{.memory_mb = 700, .cpu_milli = 0};
  hotslot::resource_tracker tracker({.memory_mb = 1000, .cpu_milli = 0});
  auto account = tracker.open_account();
  const auto taken = account.try_reserve(much);
  bool decided = false;
  asio::co_spawn(io, account.reserve(much), [&](std::exception_ptr, auto) { decided = true; });
  poll();
  launch({.per_worker = one}, tracker);
  begin();
  pass(5ms);
  finish_one();
  CHECK_FALSE(decided);
  check_one(q.histograms().wait(wait_cause::start), 5ms);
  CHECK(all_waits() == 1);
}

} // namespace histograms_test
