// Calls that take two workers each, one after the other, and a pool that is one too small:
// docs/how-many-workers.md.
//
//   two_each CALLERS WORKERS
#include <hotslot/slot_queue.hpp>

#include <boost/asio.hpp>

#include <iostream>

namespace asio = boost::asio;
using namespace std::chrono_literals;

struct worker {
  void close() noexcept {}
};
using pool = hotslot::slot_queue<worker>;

asio::awaitable<void> call(pool workers, pool::time_point deadline, int& served) {
  auto first = co_await workers.acquire();
  co_await asio::post(asio::use_awaitable); // others come meanwhile
  auto [ec, second] = co_await workers.async_acquire(deadline, asio::as_tuple(asio::use_awaitable));
  if (!ec)
    ++served;
}

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: two_each CALLERS WORKERS" << std::endl;
    return 2;
  }
  asio::io_context io;
  pool workers(io);
  for (int n = std::stoi(argv[2]); n != 0; --n)
    workers.queue_slot(worker());
  int served = 0;
  const auto deadline =
      std::chrono::steady_clock::now() + 300ms; // of all, or who gives up first would save another
  for (int n = std::stoi(argv[1]); n != 0; --n)
    asio::co_spawn(io, call(workers, deadline, served), asio::detached);
  io.run();
  std::cout << served << " of " << argv[1] << " callers were served" << std::endl;
}
