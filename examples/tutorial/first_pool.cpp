// Step 1 of the tutorial: a pool. Three callers at once, two spell checkers at most.
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

// A spell checker: it takes a while to load its dictionary, and checks one word at a time.
struct checker {
  int number;

  asio::awaitable<std::string> check(std::string word) {
    co_await pause(20ms);
    co_return word + (word == "teh" ? " is wrong" : " is right");
  }

  void close() noexcept { std::cout << "checker " << number << " ends" << std::endl; }
};

asio::awaitable<checker> load_checker() {
  static int loaded = 0;
  co_await pause(300ms);
  std::cout << "checker " << ++loaded << " is loaded" << std::endl;
  co_return checker{loaded};
}

using pool = hotslot::slot_queue<checker>;

asio::awaitable<void> serve(pool& checkers, std::string word) {
  auto lease = co_await checkers.acquire(5s);
  std::string answer = co_await lease->check(word);
  lease.release();
  std::cout << answer << std::endl;
}

asio::awaitable<void> run(pool& checkers) {
  co_await (serve(checkers, "the") && serve(checkers, "teh") && serve(checkers, "then"));
  checkers.close();
}

int main() {
  asio::io_context io;
  pool checkers(io);
  hotslot::launcher<checker> launcher(checkers, load_checker, {.max_workers = 2, .idle_timeout = 60s});
  asio::co_spawn(io, run(checkers), asio::detached);
  io.run();
}
