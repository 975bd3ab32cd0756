// Step 2 of the tutorial: callers that do not wait for ever, that go away, and that cut a call off.
#include <hotslot/launcher.hpp>

#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>

#include <iostream>
#include <string>

namespace asio = boost::asio;
using namespace asio::experimental::awaitable_operators;
using namespace std::chrono_literals;

asio::awaitable<void> pause(std::chrono::milliseconds time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  co_await timer.async_wait(asio::use_awaitable);
}

struct checker {
  int number;
  asio::awaitable<void> check(std::chrono::milliseconds time) { co_await pause(time); }
  void close() noexcept { std::cout << "checker " << number << " ends" << std::endl; }
};

asio::awaitable<checker> load_checker() {
  static int loaded = 0;
  co_await pause(50ms);
  std::cout << "checker " << ++loaded << " is loaded" << std::endl;
  co_return checker{loaded};
}

using pool = hotslot::slot_queue<checker>;

// A long call, which is well served.
asio::awaitable<void> long_call(pool& checkers) {
  auto lease = co_await checkers.acquire();
  co_await lease->check(500ms);
  lease.release();
  std::cout << "the long call is done" << std::endl;
}

// A caller that waits for 100 ms and no longer.
asio::awaitable<void> impatient(pool& checkers) {
  auto [ec, lease] = co_await checkers.async_acquire(100ms, asio::as_tuple(asio::use_awaitable));
  if (ec == hotslot::errc::deadline_exceeded)
    std::cout << "the impatient one gives up: " << ec.message() << std::endl;
}

// A caller whose own caller hangs up after 200 ms.
asio::awaitable<void> gone(pool& checkers) {
  auto first = co_await (checkers.async_acquire(asio::use_awaitable) || pause(200ms));
  if (first.index() == 1)
    std::cout << "the one that has gone has no checker, and nobody else lost one" << std::endl;
}

// A call that takes too long is cut off. Its checker is in the middle of something: it is not used again.
asio::awaitable<void> cut_off(pool& checkers) {
  auto lease = co_await checkers.acquire(10s);
  std::cout << "the fourth has checker " << lease->number << std::endl;
  auto first = co_await (lease->check(1h) || pause(100ms));
  if (first.index() == 1)
    lease.discard();
  else
    lease.release();
}

asio::awaitable<void> run(pool& checkers) {
  co_await (long_call(checkers) && impatient(checkers) && gone(checkers) && cut_off(checkers));
  auto lease = co_await checkers.acquire(10s);
  std::cout << "the last has checker " << lease->number << std::endl;
  lease.release();
  checkers.close();
}

int main() {
  asio::io_context io;
  pool checkers(io);
  hotslot::launcher<checker> launcher(checkers, load_checker, {.max_workers = 1});
  asio::co_spawn(io, run(checkers), asio::detached);
  io.run();
}
