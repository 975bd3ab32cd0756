// Acquiring with a deadline, and what a caller does with each way of getting no slot. A front end would
// answer 503 with a Retry-After, 503 at once, and 502.
#include <hotslot/launcher.hpp>

#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>

#include <iostream>

namespace asio = boost::asio;
using namespace asio::experimental::awaitable_operators;
using namespace std::chrono_literals;
using hotslot::errc;

struct engine {
  int square(int x) { return x * x; }
  void close() noexcept {}
};
using pool = hotslot::slot_queue<engine>;

asio::awaitable<std::string> call(pool& engines, std::chrono::milliseconds patience) {
  auto [ec, lease] = co_await engines.async_acquire(std::chrono::steady_clock::now() + patience,
                                                    asio::as_tuple(asio::use_awaitable));
  if (ec == errc::deadline_exceeded)
    co_return "all are busy, come again: " + ec.message();
  if (ec == errc::queue_full)
    co_return "not even let in: " + ec.message();
  if (ec) // what the factory threw
    co_return "nothing to come back for soon: " + ec.message();
  std::string answer = std::to_string(lease->square(7));
  lease.release();
  co_return answer;
}

// One engine, which somebody else has. Of two callers one is let in, and waits for as long as it may.
asio::awaitable<void> when_busy(pool engines) {
  engines.limit_waiters(1);
  engines.queue_slot(engine());
  auto taken = engines.try_acquire();
  auto [first, second] = co_await (call(engines, 50ms) && call(engines, 50ms));
  std::cout << "first: " << first << "\nsecond: " << second << std::endl;

  taken.release();
  auto third = co_await call(engines, 50ms);
  std::cout << "third: " << third << std::endl;
}

asio::awaitable<engine> make_engine() {
  throw boost::system::system_error(asio::error::connection_refused);
  co_return engine();
}

// No engine, and none to be had: the caller is told why, long before its deadline. One failed start is enough
// here; by default a few more are tried.
asio::awaitable<void> when_broken(pool engines) {
  hotslot::launcher<engine> launcher(engines, make_engine, {.starts = {.breaker_failures = 1}});
  auto fourth = co_await call(engines, 1h);
  std::cout << "fourth: " << fourth << std::endl;
}

int main() {
  asio::io_context io;
  asio::co_spawn(io, when_busy(pool(io)), asio::detached);
  io.run();
  io.restart();
  asio::co_spawn(io, when_broken(pool(io)), asio::detached);
  io.run();
}
