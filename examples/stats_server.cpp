// The stats of a program's own pool, on an address and a thread of their own: what they cost, the program's
// calls do not wait for.
#include <hotslot/http/stats_server.hpp>
#include <hotslot/launcher.hpp>

#include <boost/asio.hpp>

#include <iostream>
#include <thread>

namespace asio = boost::asio;
using namespace std::chrono_literals;

struct engine {
  void close() noexcept {}
};

using engine_queue = hotslot::slot_queue<engine>;
using engine_launcher = hotslot::launcher<engine>;

// The program's own work: now and then it needs an engine for a moment.
asio::awaitable<void> work(engine_queue engines) {
  asio::steady_timer pause(co_await asio::this_coro::executor);
  while (engines.is_open()) {
    auto lease = co_await engines.acquire();
    lease.release();
    pause.expires_after(10ms);
    co_await pause.async_wait(asio::use_awaitable);
  }
}

hotslot::named_queue_snapshot snapshot(const engine_queue& engines, const engine_launcher& launcher) {
  return {.key = "engines",
          .app = "example",
          .name = "engines",
          .trigger = "",
          .id = "",
          .queue = engines.snapshot(),
          .failure = launcher.failure_now()};
}

hotslot::queue_detail detail(const engine_queue& engines, const engine_launcher& launcher) {
  hotslot::queue_detail all;
  all.queue = snapshot(engines, launcher);
  all.histograms = engines.histograms();
  launcher.write_to(all);
  return all;
}

// Its callables are called on the stats' thread while the program uses the queue, which may be asked from
// any.
hotslot::http::stats_source source(const engine_queue& engines, const engine_launcher& launcher) {
  return {.pool =
              [&] {
                hotslot::pool_snapshot all;
                all.queues.push_back(snapshot(engines, launcher));
                return all;
              },
          .detail =
              [&](std::string_view key) {
                return key == "engines" ? std::optional(detail(engines, launcher)) : std::nullopt;
              },
          .histograms = [&](std::string_view) { return std::optional(engines.histograms()); }};
}

int main() {
  asio::io_context io;
  engine_queue engines(io);
  engine_launcher launcher(engines, []() -> asio::awaitable<engine> { co_return engine(); });

  asio::io_context stats_io(1);
  hotslot::http::stats_server stats(stats_io.get_executor(), source(engines, launcher));
  std::cout << "stats on http://" << stats.listen({asio::ip::address_v4::loopback(), 0}) << "/" << std::endl;
  stats.start();
  std::thread stats_thread([&] { stats_io.run(); });

  asio::co_spawn(io, work(engines), asio::detached);
  asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&](auto, int) {
    stats.drain(1s);
    engines.close();
  });
  io.run();
  stats_thread.join();
}
