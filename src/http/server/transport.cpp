#include "transport.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>

#include <sys/socket.h>

#include <cerrno>
#include <sstream>
#include <tuple>

namespace hotslot::http::detail {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr auto tuple = asio::as_tuple(asio::deferred);

} // namespace

transport::transport(socket_type socket, asio::ssl::context* tls)
  : socket_(std::move(socket)) {
  error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored); // which a unix socket does not know
  socket_.non_blocking(true, ignored);
  if (tls)
    tls_ = std::make_unique<asio::ssl::stream<socket_type&>>(socket_, *tls);
}

std::string transport::local_address() const {
  error_code ignored;
  const auto at = tcp_endpoint_of(socket_.local_endpoint(ignored));
  if (at.port() == 0)
    return "localhost";
  std::ostringstream text;
  text << at;
  return text.str();
}

// A wait for readiness may end without cause: the reactor's record of a closed descriptor, whose event
// another thread has already fetched, may be this one's by then.
asio::awaitable<transport::spoken> transport::listen_first() {
  unsigned char first = 0;
  ssize_t n = -1;
  error_code ec;
  while (!ec && n < 0) {
    std::tie(ec) = co_await socket_.async_wait(socket_type::wait_read, tuple);
    n = ::recv(socket_.native_handle(), &first, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN)
      ec.assign(errno, boost::system::system_category());
  }
  if (ec || n != 1)
    co_return spoken::nothing;
  constexpr unsigned char handshake_record = 0x16;
  if (first == handshake_record)
    co_return spoken::tls;
  tls_.reset();
  co_return spoken::something_else;
}

asio::awaitable<bool> transport::handshake() {
  auto [ec] = co_await tls_->async_handshake(asio::ssl::stream_base::server, tuple);
  co_return !ec;
}

std::size_t transport::write_some(const buffers& from, error_code& ec) {
  if (tls_) {
    ec = asio::error::would_block;
    return 0;
  }
  const std::size_t n = socket_.write_some(from, ec);
  note_sent(n);
  return n;
}

asio::awaitable<bool> transport::shut_down() {
  error_code gone;
  if (tls_)
    std::tie(gone) = co_await tls_->async_shutdown(tuple);
  error_code ignored;
  socket_.shutdown(socket_type::shutdown_send, ignored);
  co_return !gone;
}

void transport::send_buffer_size(int bytes) noexcept {
  error_code ignored;
  socket_.set_option(asio::socket_base::send_buffer_size(bytes), ignored);
}

void transport::cancel() noexcept {
  error_code ignored;
  socket_.cancel(ignored);
}

void transport::close() noexcept {
  error_code ignored;
  socket_.close(ignored);
}

void transport::reset() noexcept {
  error_code ignored;
  socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  socket_.close(ignored);
}

} // namespace hotslot::http::detail
