// Acquisition with every kind of completion token.
#include <hotslot/slot_queue.hpp>

#include "catch.hpp"
#include "test_slot.hpp"

#include <boost/asio.hpp>
#include <boost/version.hpp>

#if BOOST_VERSION >= 108600
#include <boost/asio/cancel_after.hpp>
#endif

#include <cstddef>
#include <filesystem>
#include <future>
#include <iterator>
#include <memory>
#include <optional>
#include <thread>

namespace tokens_test {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using hotslot::errc;
using hotslot::error_code;
using hotslot::queue_state;
using queue = hotslot::slot_queue<test_slot>;
using lease = hotslot::lease<test_slot>;

constexpr auto no_deadline = queue::time_point::max();

struct fixture {
  asio::io_context io{1};
  queue q{io};

  void poll() {
    io.restart();
    io.poll();
  }
  std::uint64_t waiting() const { return q.snapshot().count(queue_state::waiter); }
};

// Counts what is allocated and not yet freed.
template <class T>
struct counting_allocator {
  using value_type = T;

  explicit counting_allocator(int* all, int* live) noexcept
    : all_(all)
    , live_(live) {}
  template <class U>
  counting_allocator(const counting_allocator<U>& other) noexcept
    : all_(other.all_)
    , live_(other.live_) {}

  T* allocate(std::size_t n) {
    ++*all_;
    ++*live_;
    return std::allocator<T>().allocate(n);
  }
  void deallocate(T* p, std::size_t n) noexcept {
    --*live_;
    std::allocator<T>().deallocate(p, n);
  }

  friend bool operator==(const counting_allocator&, const counting_allocator&) = default;

  int* all_;
  int* live_;
};

TEST_CASE_METHOD(fixture, "token: a handler whose allocator lives and dies with it", "[tokens]") {
  using handler = asio::any_completion_handler<void(error_code, lease)>;
  int completed = 0;
  const auto wait = [&] {
    q.async_acquire(no_deadline, handler([&, alive = std::make_unique<int>(1)](error_code, lease) {
                      completed += *alive;
                    }));
  };
  wait();
  wait();
  SECTION("completed") {
    q.queue_slot(test_slot(1));
    poll();
    CHECK(completed == 2); // the second got what the first put back
  }
  SECTION("cancelled") {
    q.cancel();
    poll();
    CHECK(completed == 2);
  }
  SECTION("destroyed with the context") {
    asio::io_context gone;
    queue other(gone);
    other.async_acquire(no_deadline, handler([&](error_code, lease) { ++completed; }));
  }
}

TEST_CASE_METHOD(fixture, "token: a callback that can be moved only", "[tokens]") {
  std::optional<int> got;
  q.async_acquire(no_deadline, [&, alive = std::make_unique<int>(7)](error_code ec, lease l) {
    REQUIRE_FALSE(ec);
    got = *alive + l->number;
  });
  q.queue_slot(test_slot(1));
  CHECK_FALSE(got);
  poll();
  CHECK(got == 8);
}

TEST_CASE_METHOD(fixture, "token: use_awaitable throws the error", "[tokens]") {
  std::optional<error_code> refused;
  auto body = [&]() -> asio::awaitable<void> {
    q.queue_slot(test_slot(1));
    auto l = co_await q.async_acquire(asio::use_awaitable);
    CHECK(l->number == 1);
    try {
      auto none = co_await q.async_acquire(queue::clock_type::now(), asio::use_awaitable);
    } catch (const boost::system::system_error& e) {
      refused = e.code();
    }
  };
  asio::co_spawn(io, body(), asio::detached);
  io.run();
  REQUIRE(refused);
  CHECK(*refused == errc::deadline_exceeded);
}

TEST_CASE_METHOD(fixture, "token: use_future", "[tokens]") {
  auto first = q.async_acquire(asio::use_future);
  auto second = q.async_acquire(no_deadline, asio::use_future);
  q.queue_slot(test_slot(1));
  q.cancel();
  poll();
  CHECK(first.get()->number == 1);
  CHECK_THROWS_AS(second.get(), boost::system::system_error);
}

std::ptrdiff_t threads() { return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {}); }

// 16
TEST_CASE_METHOD(fixture, "token: use_future completes where the queue runs, and starts no threads",
                 "[tokens]") {
  const auto before = threads();
  for (int round = 0; round < 10'000; ++round) {
    auto late = q.async_acquire(queue::time_point::min(), asio::use_future);
    poll();
    asio::cancellation_signal signal;
    auto cancelled = q.async_acquire(asio::bind_cancellation_slot(signal.slot(), asio::use_future));
    auto served = q.async_acquire(asio::use_future);
    signal.emit(asio::cancellation_type::total);
    q.queue_slot(test_slot(round));
    REQUIRE(served.wait_for(0s) == std::future_status::timeout); // not inline
    poll();
    REQUIRE(late.wait_for(0s) == std::future_status::ready);
    REQUIRE(cancelled.wait_for(0s) == std::future_status::ready);
    REQUIRE(served.wait_for(0s) == std::future_status::ready);
    CHECK_THROWS_AS(cancelled.get(), boost::system::system_error);
    CHECK_THROWS_AS(late.get(), boost::system::system_error);
    REQUIRE(served.get()->number == round);
  }
  CHECK(threads() == before);
}

TEST_CASE_METHOD(fixture, "token: a handler of the system executor's runs where the queue does", "[tokens]") {
  std::thread::id where;
  q.async_acquire(asio::bind_executor(asio::system_executor(),
                                      [&](error_code, lease) { where = std::this_thread::get_id(); }));
  q.queue_slot(test_slot(1));
  CHECK(where == std::thread::id());
  poll();
  CHECK(where == std::this_thread::get_id());
}

TEST_CASE_METHOD(fixture, "token: deferred begins when it is launched", "[tokens]") {
  auto op = q.async_acquire(asio::deferred);
  CHECK(waiting() == 0);
  bool done = false;
  std::move(op)([&](error_code, lease) { done = true; });
  CHECK(waiting() == 1);
  q.queue_slot(test_slot(1));
  poll();
  CHECK(done);
  CHECK(q.snapshot().idle == 1);
}

TEST_CASE_METHOD(fixture, "token: as_tuple", "[tokens]") {
  std::optional<error_code> ended;
  auto body = [&]() -> asio::awaitable<void> {
    q.queue_slot(test_slot(1));
    auto [ec, l] = co_await q.async_acquire(asio::as_tuple(asio::use_awaitable));
    CHECK_FALSE(ec);
    CHECK(l->number == 1);
    auto [none, empty] = co_await q.async_acquire(queue::clock_type::now(), asio::as_tuple(asio::deferred));
    CHECK_FALSE(empty);
    ended = none;
  };
  asio::co_spawn(io, body(), asio::detached);
  io.run();
  REQUIRE(ended);
  CHECK(*ended == errc::deadline_exceeded);
}

TEST_CASE_METHOD(fixture, "token: detached gives the slot back at once", "[tokens]") {
  q.async_acquire(asio::detached);
  auto token = q.queue_slot(test_slot(1));
  CHECK(q.snapshot().busy == 1);
  poll();
  CHECK(q.is_idle());
  CHECK(q.snapshot().idle == 1);
  CHECK(token.eject()); // the offer stands, as nobody has used the slot
}

TEST_CASE_METHOD(fixture, "token: bind_executor", "[tokens]") {
  asio::io_context other;
  bool done = false;
  q.async_acquire(asio::bind_executor(other, [&](error_code, lease) { done = true; }));
  q.queue_slot(test_slot(1));
  poll();
  CHECK_FALSE(done);
  other.poll();
  CHECK(done);
}

TEST_CASE_METHOD(fixture, "token: a bound executor is kept busy, so that run() waits", "[tokens]") {
  asio::io_context other;
  bool done = false;
  q.async_acquire(asio::bind_executor(other, [&](error_code, lease) { done = true; }));
  CHECK(other.poll() == 0);
  CHECK_FALSE(other.stopped());
  q.queue_slot(test_slot(1));
  other.run();
  CHECK(done);
}

TEST_CASE_METHOD(fixture, "token: bind_allocator's memory is freed before the handler is called",
                 "[tokens]") {
  int all = 0, live = 0;
  const counting_allocator<void> allocator(&all, &live);
  int live_in_handler = -1;
  auto callback = [&](error_code, auto&&...) { live_in_handler = live; };
  auto started = [&] {
    CHECK(live == 1);
    CHECK(live_in_handler == -1);
  };
  SECTION("a slot is granted") {
    q.async_acquire(asio::bind_allocator(allocator, callback));
    started();
    q.queue_slot(test_slot(1));
  }
  SECTION("the deadline passes") {
    q.async_acquire(queue::clock_type::now(), asio::bind_allocator(allocator, callback));
    started();
  }
  SECTION("drained") {
    q.async_drain(no_deadline, asio::bind_allocator(allocator, callback));
    started();
    q.close();
  }
  SECTION("the fate of a slot") {
    auto token = q.queue_slot(test_slot(1));
    token.async_wait(asio::bind_allocator(allocator, callback));
    started();
    token.eject();
  }
  io.run();
  CHECK(live_in_handler == 0);
  CHECK(live == 0);
  CHECK(all >= 1);
}

TEST_CASE_METHOD(fixture, "token: bind_cancellation_slot", "[tokens]") {
  asio::cancellation_signal signal;
  auto future = q.async_acquire(asio::bind_cancellation_slot(signal.slot(), asio::use_future));
  signal.emit(asio::cancellation_type::partial);
  io.run();
  CHECK_THROWS_AS(future.get(), boost::system::system_error);
}

TEST_CASE("token: the default one of an executor", "[tokens]") {
  using executor = asio::use_awaitable_t<>::executor_with_default<asio::any_io_executor>;
  using awaited_queue = hotslot::basic_slot_queue<test_slot, executor>;
  asio::io_context io;
  awaited_queue q(executor(io.get_executor()));
  auto body = [&]() -> asio::awaitable<void> {
    auto token = q.queue_slot(test_slot(1));
    {
      auto l = co_await q.async_acquire();
      CHECK(co_await token.async_wait() == hotslot::slot_fate::acquired);
      l.release();
    }
    auto ticket = q.enter();
    auto l = co_await ticket.async_acquire(awaited_queue::time_point::max());
    l.discard();
    CHECK(co_await token.async_wait_closed() == hotslot::slot_fate::ejected);
    q.close();
    co_await q.async_drain(awaited_queue::time_point::max());
  };
  std::exception_ptr failure;
  bool done = false;
  asio::co_spawn(io, body(), [&](std::exception_ptr e) {
    failure = e;
    done = true;
  });
  io.run();
  CHECK(done);
  CHECK_FALSE(failure);
}

#if BOOST_VERSION >= 108600
TEST_CASE_METHOD(fixture, "token: cancel_after", "[tokens]") {
  auto future = q.async_acquire(asio::cancel_after(1ms, asio::use_future));
  io.run();
  CHECK_THROWS_AS(future.get(), boost::system::system_error);
  CHECK(q.is_idle());
}
#endif

} // namespace tokens_test
