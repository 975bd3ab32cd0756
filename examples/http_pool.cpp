// A pool embedded in an Asio HTTP server: each request borrows a warm engine, or waits a second for one.
#include <hotslot/launcher.hpp>

#include <boost/asio.hpp>
#include <boost/beast.hpp>

#include <algorithm>
#include <iostream>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using namespace std::chrono_literals;

struct engine {
  std::string reversed(std::string text) {
    std::reverse(text.begin(), text.end());
    return text;
  }
  void close() noexcept {}
};
using pool = hotslot::slot_queue<engine>;

// Slow to make: half a second, say.
asio::awaitable<engine> make_engine() {
  asio::steady_timer timer(co_await asio::this_coro::executor, 500ms);
  co_await timer.async_wait(asio::use_awaitable);
  co_return engine();
}

asio::awaitable<http::response<http::string_body>> answer(pool& engines,
                                                          http::request<http::string_body> request) {
  auto [ec, lease] = co_await engines.async_acquire(std::chrono::steady_clock::now() + 1s,
                                                    asio::as_tuple(asio::use_awaitable));
  http::response<http::string_body> response(http::status::ok, request.version());
  if (ec) {
    response.result(http::status::service_unavailable);
    response.body() = ec.message();
  } else {
    response.body() = lease->reversed(std::move(request.body()));
    lease.release();
  }
  response.keep_alive(request.keep_alive());
  response.prepare_payload();
  co_return response;
}

asio::awaitable<void> session(tcp::socket socket, pool& engines) {
  beast::flat_buffer buffer;
  for (bool keep_alive = true; keep_alive;) {
    http::request<http::string_body> request;
    co_await http::async_read(socket, buffer, request, asio::use_awaitable);
    auto response = co_await answer(engines, std::move(request));
    keep_alive = response.keep_alive();
    co_await http::async_write(socket, response, asio::use_awaitable);
  }
}

asio::awaitable<void> serve(tcp::acceptor& acceptor, pool& engines) {
  for (;;) {
    tcp::socket socket = co_await acceptor.async_accept(asio::use_awaitable);
    asio::co_spawn(acceptor.get_executor(), session(std::move(socket), engines), asio::detached);
  }
}

int main() {
  asio::io_context io;
  pool engines(io);
  hotslot::launcher<engine> launcher(engines, make_engine, {.max_workers = 4, .idle_timeout = 10s});
  tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
  std::cout << "serving on http://" << acceptor.local_endpoint() << std::endl;

  asio::co_spawn(io, serve(acceptor, engines), asio::detached);
  asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&](auto, int) { io.stop(); });
  io.run();
}
