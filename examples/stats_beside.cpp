// The stats of a program's own pool, on an address of their own, beside whatever else the program does.
#include <hotslot/http/server.hpp>
#include <hotslot/http/stats_routes.hpp>
#include <hotslot/launcher.hpp>

#include <boost/asio.hpp>

#include <iostream>

namespace asio = boost::asio;
using namespace std::chrono_literals;

struct engine {
  void close() noexcept {}
};

// The program's own work: now and then it needs an engine for a moment.
asio::awaitable<void> work(hotslot::slot_queue<engine> engines) {
  asio::steady_timer pause(co_await asio::this_coro::executor);
  while (engines.is_open()) {
    auto lease = co_await engines.acquire();
    lease.release();
    pause.expires_after(10ms);
    co_await pause.async_wait(asio::use_awaitable);
  }
}

int main() {
  asio::io_context io;
  hotslot::slot_queue<engine> engines(io);
  hotslot::launcher<engine> launcher(engines, []() -> asio::awaitable<engine> { co_return engine(); });

  hotslot::http::stats_routes routes([&] {
    hotslot::pool_snapshot all;
    all.queues.push_back({.key = "engines",
                          .app = "example",
                          .name = "engines",
                          .trigger = "",
                          .id = "",
                          .queue = engines.snapshot()});
    return all;
  });
  hotslot::http::server stats(io.get_executor(),
                              [&](hotslot::http::request&& request,
                                  hotslot::http::exchange&) -> asio::awaitable<hotslot::http::response> {
                                co_return routes.handle(request);
                              });
  std::cout << "stats on http://" << stats.listen({asio::ip::address_v4::loopback(), 0}) << "/stats"
            << std::endl;
  stats.start();

  asio::co_spawn(io, work(engines), asio::detached);
  asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&](auto, int) {
    stats.stop();
    engines.close();
  });
  io.run();
}
