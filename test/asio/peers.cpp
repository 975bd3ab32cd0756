// What the tests of other pools check, and no other test here.
#include "catch.hpp"
#include "queue_fixture.hpp"
#include "test_slot.hpp"

#include <hotslot/launcher.hpp>

#include <boost/asio.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace peers_test {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using hotslot::errc;
using hotslot::error_code;

using queue_type = hotslot::slot_queue<test_slot>;
using lease = hotslot::lease<test_slot>;
using launcher = hotslot::launcher<test_slot>;

using fixture = queue_fixture<test_slot>;

TEST_CASE_METHOD(fixture, "a try that finds no slot starts no worker", "[peers]") {
  int made = 0;
  launcher l(q, [&] { return test_slot(++made); });
  poll();
  CHECK_FALSE(q.try_acquire());
  poll();
  CHECK(made == 0);
}

TEST_CASE_METHOD(fixture, "25 000 callers wait for three workers, and all are served", "[peers]") {
  int made = 0, served = 0;
  launcher l(q, [&] { return test_slot(++made); }, {.max_workers = 3});
  constexpr int many = 25'000;
  for (int n = 0; n < many; ++n)
    q.async_acquire([&](error_code, lease held) {
      ++served;
      asio::post(io, [held = std::move(held)]() mutable { held.release(); });
    });
  poll();
  CHECK(served == many);
  CHECK(made == 3);
}

TEST_CASE_METHOD(fixture, "what was given back is not given back again", "[peers]") {
  q.queue_slot(test_slot(1));
  auto held = q.try_acquire();
  held.release();
  auto other = q.try_acquire();
  REQUIRE(other);
  held.release();
  held.discard();
  CHECK(q.snapshot().busy == 1);
  CHECK(q.snapshot().totals.ejected_dirty == 0);
}

TEST_CASE_METHOD(fixture, "a lease that another one is assigned to gives up what it has", "[peers]") {
  test_slot first(1);
  const auto closed = first.closed;
  q.queue_slot(std::move(first));
  auto a = q.try_acquire();
  q.queue_slot(test_slot(2));
  auto b = q.try_acquire();
  CHECK(a->number == 1); // used, so it is closed
  a = std::move(b);
  CHECK(*closed == 1);
  CHECK(a.peek().number == 2);
  CHECK(q.snapshot().busy == 1);
  a = lease(); // untouched, so it goes back
  CHECK(q.snapshot().idle == 1);
}

#ifndef NDEBUG
TEST_CASE_METHOD(fixture, "the use of a lease that was given back is asserted", "[peers]") {
  q.queue_slot(test_slot(1));
  auto held = q.try_acquire();
  held.release();
  const pid_t child = fork();
  if (child == 0) {
    ::close(STDERR_FILENO);
    std::signal(SIGABRT, SIG_DFL); // and not reported as a failure of this test
    const test_slot& used = *held;
    _exit(used.number == 1 ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK_FALSE((WIFEXITED(status) && WEXITSTATUS(status) <= 1));
}
#endif

TEST_CASE("a reset with a timeout of zero has no time at all", "[peers]") {
  asio::io_context io(1);
  hotslot::basic_slot_queue<test_slot, asio::any_io_executor, manual_traits> q{
      asio::any_io_executor(io.get_executor())};
  q.set_upkeep({.reset = [](test_slot&) -> asio::awaitable<void> {
                  asio::steady_timer never(co_await asio::this_coro::executor,
                                           asio::steady_timer::time_point::max());
                  co_await never.async_wait(asio::use_awaitable);
                },
                .reset_timeout = 0s});
  q.queue_slot(test_slot(1));
  auto held = q.try_acquire();
  held.release();
  io.poll();
  CHECK(q.snapshot().totals.ejected_unfit == 1);
}

TEST_CASE_METHOD(fixture, "who cancels a wait can still be told why no worker came", "[peers]") {
  launcher l(
      q, []() -> test_slot { throw boost::system::system_error(asio::error::connection_refused, "no luck"); },
      {.starts = {.backoff = {.first = 1h, .most = 1h}, .breaker_failures = 0}});
  asio::cancellation_signal cancel;
  std::optional<error_code> outcome;
  q.async_acquire(asio::bind_cancellation_slot(cancel.slot(), [&](error_code ec, lease) { outcome = ec; }));
  poll();
  CHECK_FALSE(outcome);
  cancel.emit(asio::cancellation_type::terminal);
  poll();
  CHECK(outcome == asio::error::operation_aborted);
  REQUIRE(q.last_failure());
  CHECK(q.last_failure()->code == asio::error::connection_refused);
}

TEST_CASE_METHOD(fixture, "the launcher of a closed queue ends at once, and takes no new options",
                 "[peers]") {
  q.close();
  int made = 0;
  launcher l(q, [&] { return test_slot(++made); }, {.min_idle = 2});
  io.run(); // which would not end
  l.reconfigure({.min_idle = 3});
  l.recycle();
  io.restart();
  io.run();
  CHECK(made == 0);
  CHECK(q.snapshot().count(hotslot::queue_state::starter) == 0);
}

TEST_CASE("the last handle of a queue that goes ends the waits", "[peers]") {
  asio::io_context io(1);
  std::optional<queue_type> q(std::in_place, io);
  auto copy = *q;
  std::optional<error_code> outcome;
  auto ticket = q->enter();
  ticket.async_acquire(queue_type::time_point::max(), [&](error_code ec, lease) { outcome = ec; });
  ticket = {};
  q.reset();
  io.poll();
  CHECK_FALSE(outcome);
  copy = queue_type(io);
  io.restart();
  io.poll();
  CHECK(outcome == errc::queue_closed);
}

TEST_CASE("an operation that was not begun keeps its queue open", "[peers]") {
  asio::io_context io(1);
  std::optional<queue_type> q(std::in_place, io);
  q->queue_slot(test_slot(1));
  auto op = q->async_acquire(asio::deferred);
  q.reset();
  int number = 0;
  std::move(op)([&](error_code, lease l) { number = l ? l->number : -1; });
  io.poll();
  CHECK(number == 1);
}

TEST_CASE("each error has a category and a message of its own", "[peers]") {
  std::vector<std::string> seen;
  for (int n = 1; n <= static_cast<int>(errc::queue_suspended); ++n) {
    const error_code ec = static_cast<errc>(n);
    CHECK(std::string(ec.category().name()) == "hotslot");
    CHECK(ec.message() != "unknown hotslot error");
    CHECK(std::find(seen.begin(), seen.end(), ec.message()) == seen.end());
    seen.push_back(ec.message());
  }
  CHECK(error_code(1'000, hotslot::hotslot_category()).message() == "unknown hotslot error");
}

} // namespace peers_test
