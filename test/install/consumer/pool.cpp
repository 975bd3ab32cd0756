#include "pool.hpp"

#include <hotslot/launcher.hpp>
#include <hotslot/slot_queue_manager.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <memory>

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

struct engine {
  int square(int x) { return x * x; }
  void close() noexcept {}
};

using engine_queue = hotslot::slot_queue<engine>;

asio::awaitable<engine> make_engine() {
  asio::steady_timer timer(co_await asio::this_coro::executor, 1ms);
  co_await timer.async_wait(asio::use_awaitable);
  co_return engine();
}

asio::awaitable<int> nested(engine_queue engines, int x, int depth) {
  if (depth != 0)
    co_return co_await nested(engines, x, depth - 1);
  auto lease = co_await engines.acquire(std::chrono::steady_clock::now() + 1min);
  const int squared = lease->square(x);
  lease.release();
  co_return squared;
}

// Held until the last call has ended.
struct pool {
  explicit pool(asio::io_context& io)
    : queues(io.get_executor())
    , engines(queues.get("engines").value)
    , launcher(engines, make_engine, {.max_workers = 2}) {}

  hotslot::slot_queue_manager<engine> queues;
  engine_queue engines;
  hotslot::launcher<engine> launcher;
};

asio::awaitable<void> call(std::shared_ptr<pool> engines, int x, int& sum) {
  sum += co_await nested(engines->engines, x, 20);
}

} // namespace

void use_pool(asio::io_context& io, int& sum) {
  auto engines = std::make_shared<pool>(io);
  for (int x = 1; x <= 10; ++x)
    asio::co_spawn(io, call(engines, x, sum), asio::detached);
}
