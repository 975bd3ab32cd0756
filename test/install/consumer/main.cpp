// A program that has Asio code of its own: a timer, a strand, a server and a client of it. Beside it, on the
// same context, a pool.
#include "part.hpp"
#include "pool.hpp"

#include <boost/asio.hpp>

#include <array>
#include <iostream>
#include <string_view>

namespace asio = boost::asio;
using asio::ip::tcp;
using namespace std::chrono_literals;

namespace {

asio::awaitable<void> serve(tcp::acceptor& acceptor) {
  tcp::socket peer = co_await acceptor.async_accept(asio::use_awaitable);
  std::array<char, 5> data;
  co_await asio::async_read(peer, asio::buffer(data), asio::use_awaitable);
  co_await asio::async_write(peer, asio::buffer(data), asio::use_awaitable);
}

asio::awaitable<void> ask(tcp::endpoint server, bool& answered) {
  tcp::socket socket(co_await asio::this_coro::executor);
  co_await socket.async_connect(server, asio::use_awaitable);
  co_await asio::async_write(socket, asio::buffer("hello", 5), asio::use_awaitable);
  std::array<char, 5> data;
  co_await asio::async_read(socket, asio::buffer(data), asio::use_awaitable);
  answered = std::string_view(data.data(), data.size()) == "hello";
}

asio::awaitable<void> tick(int& ticks) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  for (; ticks < 10; ++ticks) {
    timer.expires_after(1ms);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

} // namespace

int main() {
  asio::io_context io;
  int sum = 0, ticks = 0, posted = 0;
  bool answered = false, part = false;
  tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
  auto strand = asio::make_strand(io);

  use_pool(io, sum);
  use_part(io, part);
  asio::co_spawn(io, serve(acceptor), asio::detached);
  asio::co_spawn(io, ask(acceptor.local_endpoint(), answered), asio::detached);
  asio::co_spawn(strand, tick(ticks), asio::detached);
  for (int i = 0; i < 10; ++i)
    asio::post(strand, [&posted] { ++posted; });
  io.run();

  const bool right = sum == 385 && ticks == 10 && posted == 10 && answered && part;
  std::cout << (right ? "right" : "wrong") << ": " << sum << ' ' << ticks << ' ' << posted << ' ' << answered
            << ' ' << part << std::endl;
  return right ? 0 : 1;
}
