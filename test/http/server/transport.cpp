#include "http/server/transport.hpp"

#include "catch.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect_pipe.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/readable_pipe.hpp>
#include <boost/asio/writable_pipe.hpp>
#include <boost/asio/write.hpp>

#include <sys/socket.h>

#include <optional>

namespace asio = boost::asio;
using boost::asio::ip::tcp;
using hotslot::http::detail::transport;

namespace transport_test {

constexpr unsigned char handshake_record = 0x16;

// Two connected sockets, of which one is the transport's.
struct connection {
  explicit connection(asio::io_context& io)
    : near(io)
    , far(io) {
    tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
    far.connect(acceptor.local_endpoint());
    acceptor.accept(near);
  }

  void send(unsigned char byte) { asio::write(far, asio::buffer(&byte, 1)); }

  tcp::socket near, far;
};

} // namespace transport_test

// The reactor fetches the events of both descriptors at once; the first one's handler takes what the second
// one's is about. So it is when the record of a descriptor that was closed meanwhile is already this one's.
TEST_CASE("a wait for the first byte that ends without one goes on") {
  asio::io_context io;
  asio::ssl::context tls(asio::ssl::context::tls_server);
  transport_test::connection c(io);
  const int fd = c.near.native_handle();
  transport t(std::move(c.near), &tls);
  asio::readable_pipe other(io);
  asio::writable_pipe signal(io);
  asio::connect_pipe(other, signal);

  std::optional<transport::spoken> spoken;
  asio::co_spawn(
      io, [&]() -> asio::awaitable<void> { spoken = co_await t.listen_first(); }, asio::detached);
  bool taken = false;
  char room = 0;
  other.async_read_some(asio::buffer(&room, 1), [&](const boost::system::error_code&, std::size_t) {
    unsigned char byte = 0;
    taken = ::recv(fd, &byte, 1, MSG_DONTWAIT) == 1;
  });
  io.poll();
  asio::write(signal, asio::buffer("x", 1));
  c.send(transport_test::handshake_record);
  io.poll();
  REQUIRE(taken);
  CHECK_FALSE(spoken);

  c.send(transport_test::handshake_record);
  io.run();
  CHECK(spoken == transport::spoken::tls);
}

TEST_CASE("a caller that goes before its first byte") {
  asio::io_context io;
  asio::ssl::context tls(asio::ssl::context::tls_server);
  transport_test::connection c(io);
  transport t(std::move(c.near), &tls);
  std::optional<transport::spoken> spoken;
  asio::co_spawn(
      io, [&]() -> asio::awaitable<void> { spoken = co_await t.listen_first(); }, asio::detached);
  SECTION("says nothing") {
    c.far.close();
    io.run();
  }
  SECTION("as one that is not waited for any longer") {
    io.poll();
    t.cancel();
    io.run();
  }
  CHECK(spoken == transport::spoken::nothing);
}
