#include "connection.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/system/system_error.hpp>

#include <sys/socket.h>

#include <cassert>
#include <cerrno>

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
  const auto [ec] = co_await socket_.async_connect(endpoint, as_result);
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

asio::awaitable<void> connection::send(const call_request& request) {
  bool fresh = false;
  if (!is_idle_and_open()) {
    fresh = true;
    co_await reopen();
  }
  for (;;) {
    const auto [ec, written] = co_await http::async_write(socket_, request, as_result);
    if (!ec)
      co_return;
    if (fresh || written != 0 || !is_closed_by_peer(ec))
      fail(ec, errc::connection_lost);
    fresh = true;
    co_await reopen();
  }
}

asio::awaitable<call_reply> connection::receive() {
  for (;;) {
    http::response_parser<http::string_body> parser;
    parser.header_limit(limits_.header);
    parser.body_limit(limits_.body);
    const auto [ec, read] = co_await http::async_read(socket_, buffer_, parser, as_result);
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
