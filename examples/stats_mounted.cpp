// A Beast server of one's own, with the stats of its pool mounted at /internal/hotslot.
#include <hotslot/http/stats_routes.hpp>
#include <hotslot/launcher.hpp>

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <iostream>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using namespace std::chrono_literals;

using request = http::request<http::string_body>;
using response = http::response<http::string_body>;

struct engine {
  int square(int n) { return n * n; }
  void close() noexcept {}
};

using engine_pool = hotslot::slot_queue<engine>;

// What the program is there for.
asio::awaitable<response> answer(engine_pool& engines, const request& req) {
  auto lease = co_await engines.acquire();
  response res(http::status::ok, req.version());
  res.body() = std::to_string(lease->square(7));
  lease.release();
  co_return res;
}

asio::awaitable<void> serve(beast::tcp_stream stream, engine_pool& engines,
                            const hotslot::http::stats_routes& stats) {
  beast::flat_buffer buffer;
  bool open = true;
  while (open) {
    stream.expires_after(30s);
    request req;
    co_await http::async_read(stream, buffer, req, asio::use_awaitable);
    response res;
    if (stats.owns(req.target()))
      res = stats.handle(req);
    else
      res = co_await answer(engines, req);
    res.keep_alive(req.keep_alive());
    if (req.method() != http::verb::head)
      res.prepare_payload();
    open = req.keep_alive();
    co_await http::async_write(stream, res, asio::use_awaitable);
  }
}

asio::awaitable<void> accept(asio::ip::tcp::acceptor& acceptor, engine_pool& engines,
                             const hotslot::http::stats_routes& stats) {
  for (;;) {
    auto socket = co_await acceptor.async_accept(asio::use_awaitable);
    asio::co_spawn(acceptor.get_executor(), serve(beast::tcp_stream(std::move(socket)), engines, stats),
                   [](std::exception_ptr) {}); // a caller has gone
  }
}

int main() {
  asio::io_context io;
  engine_pool engines(io);
  hotslot::launcher<engine> launcher(engines, []() -> asio::awaitable<engine> { co_return engine(); });

  const hotslot::http::stats_routes stats({.pool =
                                               [&] {
                                                 hotslot::pool_snapshot all;
                                                 all.queues.push_back({.key = "engines",
                                                                       .app = "example",
                                                                       .name = "engines",
                                                                       .trigger = "",
                                                                       .id = "",
                                                                       .queue = engines.snapshot(),
                                                                       .failure = launcher.failure_now()});
                                                 return all;
                                               }},
                                          {.prefix = "/internal/hotslot"});

  asio::ip::tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
  std::cout << "serving on http://" << acceptor.local_endpoint() << "/" << std::endl;
  asio::co_spawn(io, accept(acceptor, engines, stats), [](std::exception_ptr) {}); // the acceptor was closed

  asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&](auto, int) { io.stop(); });
  io.run();
}
