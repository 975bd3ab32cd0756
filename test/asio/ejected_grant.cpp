// What becomes of a caller whose slot is ejected on its way, and of a queue that outlives its context. Found
// by the simulation.
#include <hotslot/launcher.hpp>
#include <hotslot/slot_queue.hpp>

#include "catch.hpp"
#include "test_slot.hpp"

#include <boost/asio.hpp>

#include <optional>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using hotslot::error_code;
using hotslot::queue_state;
using queue = hotslot::slot_queue<test_slot>;
using lease = hotslot::lease<test_slot>;

TEST_CASE("a caller whose granted slot is ejected gets another that is idle", "[slot_queue]") {
  asio::io_context io;
  queue q(io);
  q.queue_slot(test_slot(1));
  auto newest = q.queue_slot(test_slot(2));
  int got = 0;
  q.async_acquire([&](error_code ec, lease l) {
    REQUIRE_FALSE(ec);
    got = l->number;
    l.release();
  });
  newest.retire(); // granted, not delivered
  CHECK(q.snapshot().count(queue_state::waiter) == 0);
  io.run();
  CHECK(got == 1);
}

TEST_CASE("a caller whose granted slot is ejected keeps its deadline", "[slot_queue]") {
  asio::io_context io;
  queue q(io);
  auto token = q.queue_slot(test_slot(1));
  error_code result;
  q.async_acquire(std::chrono::steady_clock::now() + 1ms, [&](error_code ec, lease) { result = ec; });
  token.retire();
  io.run();
  CHECK(result == hotslot::errc::deadline_exceeded);
}

TEST_CASE("a queue with a launcher outlives its context", "[slot_queue]") {
  auto io = std::make_unique<asio::io_context>();
  queue q(*io);
  {
    hotslot::launcher<test_slot> launcher(q, []() -> asio::awaitable<test_slot> { co_return test_slot(1); });
    lease held;
    q.async_acquire([&](error_code, lease l) { held = std::move(l); });
    while (!held)
      io->run_one();
  }
  io.reset();
  CHECK(q.snapshot().idle == 1);
  q.close();
  CHECK(q.snapshot().idle == 0);
}

TEST_CASE("every type of cancellation ends the wait of a dequeuer", "[dequeuer]") {
  const auto type = GENERATE(asio::cancellation_type::terminal, asio::cancellation_type::partial,
                             asio::cancellation_type::total);
  asio::io_context io;
  queue q(io);
  auto dequeuer = q.start_dequeuer();
  error_code result;
  auto consume = [&]() -> asio::awaitable<void> {
    co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
    try {
      co_await dequeuer.next();
    } catch (const boost::system::system_error& e) {
      result = e.code();
    }
  };
  asio::cancellation_signal signal;
  asio::co_spawn(io, consume(), asio::bind_cancellation_slot(signal.slot(), asio::detached));
  io.poll();
  signal.emit(type);
  io.restart();
  io.run();
  CHECK(result == asio::error::operation_aborted);
  CHECK(q.is_idle());
}
