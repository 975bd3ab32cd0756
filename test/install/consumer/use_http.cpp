#include "part.hpp"

#include <hotslot/http/stats_server.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <chrono>
#include <memory>
#include <string_view>

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

asio::awaitable<void> ask(bool& right) {
  const auto executor = co_await asio::this_coro::executor;
  hotslot::http::stats_server stats(
      executor, {.pool = [] { return hotslot::pool_snapshot(); }, .detail = {}, .histograms = {}});
  const tcp::endpoint at = stats.listen({asio::ip::address_v4::loopback(), 0});
  stats.start();

  tcp::socket socket(executor);
  co_await socket.async_connect(at, asio::use_awaitable);
  constexpr std::string_view request = "GET /stats HTTP/1.1\r\nHost: here\r\n\r\n";
  co_await asio::async_write(socket, asio::buffer(request), asio::use_awaitable);
  std::array<char, 1024> answer;
  const std::size_t size = co_await socket.async_read_some(asio::buffer(answer), asio::use_awaitable);
  right = std::string_view(answer.data(), size).starts_with("HTTP/1.1 200 OK\r\n");
  co_await stats.async_drain(std::chrono::seconds(10));
}

} // namespace

void use_part(asio::io_context& io, bool& right) { asio::co_spawn(io, ask(right), asio::detached); }
