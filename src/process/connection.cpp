#include "connection.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/buffers_suffix.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/system/system_error.hpp>

#include <sys/socket.h>

#include <array>
#include <cassert>
#include <cerrno>
#include <tuple>

namespace hotslot::process::detail {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::system_error;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

bool is_closed_by_peer(const error_code& ec) {
  return ec == asio::error::broken_pipe || ec == asio::error::connection_reset ||
         ec == asio::error::not_connected;
}

errc receive_errc(const error_code& ec) {
  if (ec == http::error::header_limit || ec == http::error::body_limit || ec == http::error::buffer_overflow)
    return errc::reply_too_large;
  const bool ended = ec == http::error::end_of_stream || ec == http::error::partial_message;
  return ec.category() == make_error_code(http::error::bad_version).category() && !ended
             ? errc::invalid_reply
             : errc::connection_lost;
}

[[noreturn]] void fail(const error_code& ec, errc meaning) {
  if (ec == asio::error::operation_aborted)
    throw system_error(ec);
  throw system_error(meaning, ec.message());
}

constexpr std::size_t small_read = 4 * 1024;
constexpr std::size_t large_read = 64 * 1024;

using parts = std::array<asio::const_buffer, 2>;

bool is_interim(const call_reply& reply) { return reply.result_int() < 200; }

} // namespace

error_code connection::open_socket() {
  const std::lock_guard lock(mutex_);
  error_code ec;
  socket_.close(ec);
  buffer_.clear();
  if (aborted_)
    return asio::error::connection_aborted;
  socket_.open(asio::local::stream_protocol(), ec);
  return ec;
}

asio::awaitable<error_code> connection::open() {
  if (const auto ec = open_socket())
    co_return ec;
  const asio::local::stream_protocol::endpoint endpoint(path_.string());
  auto [ec] = co_await socket_.async_connect(endpoint, as_result);
  if (!ec)
    socket_.non_blocking(true, ec);
  co_return ec;
}

asio::awaitable<void> connection::reopen() {
  if (const auto ec = co_await open())
    fail(ec, errc::connection_lost);
}

// True where there is neither an end nor a byte to read: bytes that nobody asked for must not become a reply.
bool connection::is_idle_and_open() noexcept {
  if (!socket_.is_open())
    return false;
  char byte;
  const auto n = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return n < 0 && (errno == EAGAIN || errno == EINTR);
}

// Nearly every call fits the socket's buffer, and is then sent without leaving the coroutine.
asio::awaitable<void> connection::send(const call_request& request) {
  bool fresh = false;
  if (!is_idle_and_open()) {
    fresh = true;
    co_await reopen();
  }
  for (;;) {
    boost::beast::buffers_suffix<parts> rest({asio::buffer(request.head), asio::buffer(request.body)});
    error_code ec;
    std::size_t sent = socket_.write_some(rest, ec);
    rest.consume(sent);
    if (ec == asio::error::would_block || (!ec && asio::buffer_size(rest) != 0)) {
      const auto [failure, more] = co_await asio::async_write(socket_, rest, as_result);
      ec = failure;
      sent += more;
    }
    if (!ec)
      co_return;
    if (fresh || sent != 0 || !is_closed_by_peer(ec))
      fail(ec, errc::connection_lost);
    fresh = true;
    co_await reopen();
  }
}

error_code connection::parse(reply_parser& parser) {
  error_code ec;
  if (buffer_.size() != 0)
    buffer_.consume(parser.put(buffer_.data(), ec));
  if (ec == http::error::need_more)
    ec.clear();
  // What the parser leaves is an unfinished chunk header or trailer, which it would take at any length.
  if (!ec && !parser.is_done() && buffer_.size() > limits_.header)
    ec = http::error::header_limit;
  return ec;
}

error_code connection::end(reply_parser& parser) {
  error_code ec;
  if (!parser.got_some() && buffer_.size() == 0)
    return http::error::end_of_stream;
  parser.put_eof(ec);
  return ec;
}

asio::awaitable<error_code> connection::read_more(std::size_t bytes) {
  const auto [ec, n] = co_await socket_.async_read_some(buffer_.prepare(bytes), as_result);
  buffer_.commit(n);
  co_return ec;
}

asio::awaitable<call_reply> connection::receive() {
  for (;;) {
    reply_parser parser;
    parser.header_limit(limits_.header);
    parser.body_limit(limits_.body);
    parser.eager(true);
    error_code ec = parse(parser); // what came behind an interim reply
    while (!ec && !parser.is_done()) {
      ec = co_await read_more(parser.is_header_done() ? large_read : small_read);
      if (ec == asio::error::eof)
        ec = end(parser);
      else if (!ec)
        ec = parse(parser);
    }
    if (ec)
      fail(ec, receive_errc(ec));
    if (!is_interim(parser.get()))
      co_return parser.release();
  }
}

asio::awaitable<call_reply> connection::exchange(call_request request) {
  assert(clean_ && "one call at a time, and none after a failed one");
  clean_ = false; // and so it stays where this coroutine is cancelled or destroyed
  co_await send(request);
  call_reply reply = co_await receive();
  clean_ = buffer_.size() == 0;
  if (!reply.keep_alive())
    close();
  co_return reply;
}

void connection::close() noexcept {
  const std::lock_guard lock(mutex_);
  error_code ignored;
  socket_.close(ignored);
}

void connection::abort() noexcept {
  const std::lock_guard lock(mutex_);
  aborted_ = true;
  if (socket_.is_open())
    ::shutdown(socket_.native_handle(), SHUT_RDWR);
}

} // namespace hotslot::process::detail
