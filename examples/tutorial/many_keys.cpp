// Step 4 of the tutorial: a pool for each language, and one budget of memory for all of them.
#include <hotslot.hpp>

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
  std::string language;
  asio::awaitable<void> check() { co_await pause(100ms); }
  void close() noexcept { std::cout << "a checker of " << language << " ends" << std::endl; }
};

asio::awaitable<checker> load_checker(std::string language) {
  co_await pause(50ms);
  std::cout << "a checker of " << language << " is loaded" << std::endl;
  co_return checker{language};
}

// A checker takes 100 MB, whatever its language.
hotslot::launcher_options options_of(const std::string&) {
  return {.max_workers = 3, .per_worker = {.memory_mb = 100}};
}

using pools = hotslot::slot_queue_manager<checker>;

asio::awaitable<void> serve(pools& all, std::string language) {
  auto lease = co_await all.acquire(language, 5s);
  co_await lease->check();
  lease.release();
  std::cout << "served in " << language << std::endl;
}

asio::awaitable<void> run(pools& all) {
  co_await (serve(all, "English") && serve(all, "English") && serve(all, "English"));
  co_await serve(all, "German"); // there is no memory left: an idle checker of English has to go
  co_await serve(all, "English");
  all.close();
}

int main() {
  asio::io_context io;
  hotslot::resource_tracker memory({.memory_mb = 300});
  pools all(io, hotslot::launch_each<checker>(load_checker, options_of, memory));
  asio::co_spawn(io, run(all), asio::detached);
  io.run();
}
