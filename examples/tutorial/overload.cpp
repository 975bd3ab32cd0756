// Step 3 of the tutorial: more callers than can be served, and workers that cannot be made.
#include <hotslot/launcher.hpp>

#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>

#include <iostream>
#include <string>

namespace asio = boost::asio;
using namespace asio::experimental::awaitable_operators;
using namespace std::chrono_literals;
using hotslot::errc;

asio::awaitable<void> pause(std::chrono::milliseconds time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  co_await timer.async_wait(asio::use_awaitable);
}

struct checker {
  asio::awaitable<void> check() { co_await pause(100ms); }
  void close() noexcept {}
};
using pool = hotslot::slot_queue<checker>;

// What a server would answer.
std::string refusal(const pool& checkers, const hotslot::error_code& ec) {
  if (ec == errc::deadline_exceeded || ec == errc::queue_closed)
    return "503: " + ec.message();
  if (ec == errc::queue_full || ec == errc::overloaded || ec == errc::deadline_unreachable) {
    const auto wait = checkers.forecast_wait().value_or(1s);
    return "503 at once: " + ec.message() + "; retry after " +
           std::to_string(std::chrono::ceil<std::chrono::seconds>(wait).count()) + " s";
  }
  return "502: " + ec.message(); // whatever the factory threw
}

asio::awaitable<void> serve(pool& checkers, int caller) {
  auto [ec, lease] = co_await checkers.async_acquire(1s, asio::as_tuple(asio::use_awaitable));
  if (!ec) {
    co_await lease->check();
    lease.release();
  }
  std::cout << "caller " << caller << ": " << (ec ? refusal(checkers, ec) : "200") << std::endl;
}

// One checker, and room for two who wait.
asio::awaitable<void> too_many(pool checkers) {
  hotslot::launcher<checker> launcher(checkers, []() -> asio::awaitable<checker> { co_return checker(); },
                                      {.max_workers = 1});
  checkers.limit_waiters(2);
  co_await (serve(checkers, 1) && serve(checkers, 2) && serve(checkers, 3) && serve(checkers, 4));
}

asio::awaitable<checker> no_dictionary() {
  throw boost::system::system_error(asio::error::connection_refused);
  co_return checker();
}

// After a failure no start is tried for a while, and nobody is kept waiting for one.
asio::awaitable<void> none_to_be_had(pool checkers) {
  hotslot::launcher<checker> launcher(
      checkers, no_dictionary,
      {.starts = {.backoff = {.first = 10s}, .breaker_failures = 1}, .on_failure = [](const auto& f) {
         std::cout << "a start failed: " << f.code.message() << std::endl;
       }});
  co_await serve(checkers, 5);
  co_await serve(checkers, 6);
}

int main() {
  asio::io_context io;
  asio::co_spawn(io, too_many(pool(io)), asio::detached);
  io.run();
  io.restart();
  asio::co_spawn(io, none_to_be_had(pool(io)), asio::detached);
  io.run();
}
