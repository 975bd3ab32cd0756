#include "transport.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/buffers_suffix.hpp>

namespace hotslot::http::detail {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr auto tuple = asio::as_tuple(asio::deferred);

} // namespace

transport::transport(tcp::socket socket, asio::ssl::context* tls)
  : socket_(std::move(socket)) {
  error_code ignored;
  socket_.set_option(tcp::no_delay(true), ignored);
  socket_.non_blocking(true, ignored);
  if (tls)
    tls_ = std::make_unique<asio::ssl::stream<tcp::socket&>>(socket_, *tls);
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
  return socket_.write_some(from, ec);
}

asio::awaitable<bool> transport::write_rest(std::size_t sent, const buffers& from) {
  boost::beast::buffers_suffix<buffers> rest(from);
  rest.consume(sent);
  if (tls_) {
    auto [ec, n] = co_await asio::async_write(*tls_, rest, tuple);
    co_return !ec;
  }
  auto [ec, n] = co_await asio::async_write(socket_, rest, tuple);
  co_return !ec;
}

asio::awaitable<void> transport::shut_down() {
  if (tls_)
    co_await tls_->async_shutdown(tuple);
  error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
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
