// A checkout in twenty lines: a queue, a launcher that makes what is missing, and calls that use it.
#include <hotslot/launcher.hpp>

#include <boost/asio.hpp>

#include <iostream>

namespace asio = boost::asio;

struct engine { // what is slow to make and quick to use
  int number;
  int square(int x) { return x * x; }
  void close() noexcept { std::cout << "engine " << number << " closed" << std::endl; }
};

asio::awaitable<void> use(hotslot::slot_queue<engine> engines) {
  for (int x = 1; x <= 3; ++x) {
    auto lease = co_await engines.acquire(std::chrono::steady_clock::now() + std::chrono::seconds(5));
    std::cout << "engine " << lease->number << ": " << lease->square(x) << std::endl;
    lease.release(); // warm, for the next one
  }
  engines.close();
}

int main() {
  asio::io_context io;
  hotslot::slot_queue<engine> engines(io);
  hotslot::launcher<engine> launcher(engines,
                                     [n = 0]() mutable -> asio::awaitable<engine> { co_return engine{++n}; });
  asio::co_spawn(io, use(engines), asio::detached);
  io.run();
}
