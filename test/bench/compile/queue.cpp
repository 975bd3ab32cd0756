// hotslot's queue, and a checkout; no launcher.
#include <hotslot/slot_queue.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

namespace asio = boost::asio;
using namespace std::chrono_literals;

struct engine {
  int n = 0;
  void run() { ++n; }
  void close() noexcept {}
};

asio::awaitable<void> use(hotslot::slot_queue<engine> engines) {
  auto lease = co_await engines.acquire(5s);
  lease->run();
  lease.release();
}

int main() {
  asio::io_context io;
  hotslot::slot_queue<engine> engines(io);
  engines.queue_slot(engine());
  asio::co_spawn(io, use(engines), asio::detached);
  io.run();
}
