// Slots that their callers take out of the queue.
#include "catch.hpp"
#include "queue_fixture.hpp"
#include "test_slot.hpp"

#include <hotslot/launcher.hpp>

#include <boost/asio.hpp>

#include <memory>
#include <optional>

namespace detached_test {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using hotslot::error_code;
using hotslot::resources;
using hotslot::slot_fate;

using queue_type = hotslot::slot_queue<test_slot>;

using fixture = queue_fixture<test_slot>;

TEST_CASE_METHOD(fixture, "a detached slot is its caller's, and is not closed", "[detach]") {
  test_slot s(7);
  const auto closed = s.closed;
  auto token = q.queue_slot(std::move(s));
  std::optional<slot_fate> fate;
  token.async_wait_closed([&](error_code, slot_fate f) { fate = f; });
  auto lease = q.try_acquire();
  auto slot = lease.detach();
  CHECK_FALSE(lease);
  REQUIRE(slot);
  CHECK(slot->number == 7);
  CHECK(q.snapshot().busy == 0);
  CHECK(q.snapshot().totals.detached_slots == 1);
  CHECK_FALSE(token.eject());
  token.retire();
  poll();
  CHECK_FALSE(fate);
  CHECK(closed.use_count() == 2);
  auto moved = std::move(slot);
  CHECK_FALSE(slot);
  moved.reset();
  poll();
  CHECK(*closed == 0);
  CHECK(closed.use_count() == 1);
  CHECK(fate == slot_fate::detached);
}

TEST_CASE_METHOD(fixture, "a queue drains without its detached slots, and goes before them", "[detach]") {
  q.queue_slot(test_slot(1));
  auto slot = q.try_acquire().detach();
  q.close();
  std::optional<error_code> drained;
  q.async_drain([&](error_code ec) { drained = ec; });
  poll();
  CHECK(drained == error_code());
  q = queue_type(io);
  CHECK(slot->number == 1);
}

TEST_CASE("a detached slot may outlive its context", "[detach]") {
  auto io = std::make_unique<asio::io_context>();
  std::optional<queue_type> q(std::in_place, *io);
  q->queue_slot(test_slot(1));
  auto slot = q->try_acquire().detach();
  io.reset();
  q.reset();
  CHECK(slot->number == 1);
}

TEST_CASE_METHOD(fixture, "a detached worker makes room for another, but keeps what is reserved for it",
                 "[detach]") {
  hotslot::resource_tracker tracker(resources{.memory_mb = 100});
  int made = 0;
  hotslot::launcher<test_slot> launcher(
      q, [&] { return test_slot(++made); }, {.max_workers = 1, .per_worker = resources{.memory_mb = 60}},
      tracker);
  std::optional<hotslot::lease<test_slot>> first, second;
  q.async_acquire([&](error_code, auto l) { first = std::move(l); });
  poll();
  REQUIRE(first);
  auto slot = first->detach();
  q.async_acquire([&](error_code, auto l) { second = std::move(l); });
  poll();
  CHECK(q.snapshot().resource_waiters == 1); // there may be a worker, but not the memory for it
  CHECK(tracker.taken().memory_mb == 60);
  slot.reset();
  poll();
  REQUIRE(second);
  CHECK((*second)->number == 2);
  CHECK(tracker.taken().memory_mb == 60);
}

TEST_CASE("a lease tells how old its slot is, where its queue keeps that", "[lease]") {
  asio::io_context io;
  hotslot::basic_slot_queue<test_slot, asio::any_io_executor, hotslot::aging_queue_traits> q(io);
  q.queue_slot(test_slot(1));
  auto lease = q.try_acquire();
  const auto age = lease.age();
  CHECK(age >= 0ns);
  lease.release();
  lease = q.try_acquire();
  CHECK(lease.age() >= age);
  CHECK(lease.age() >= lease.idle_time());
}

} // namespace detached_test
