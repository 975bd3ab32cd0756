#include "connection.hpp"

#include "base/http_text.hpp"

#include <hotslot/decided_by.hpp>

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
#include <limits>
#include <tuple>
#include <utility>

namespace hotslot::process::detail {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::system_error;

constexpr auto as_pair = asio::as_tuple(asio::use_awaitable);

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

[[noreturn]] void throw_as(const error_code& ec, errc meaning) {
  if (ec == asio::error::operation_aborted)
    throw system_error(ec);
  throw system_error(meaning, ec.message());
}

constexpr auto everything = std::numeric_limits<std::uint64_t>::max();
constexpr std::size_t small_read = 4 * 1024;
constexpr std::size_t large_read = 64 * 1024;

// A status below 100 is none: it ends the call, as any that the contract does not know.
bool is_interim(const call_reply& reply) { return reply.result_int() / 100 == 1; }

template <class Parser>
bool is_to_be_whole(const Parser& reply, std::uint64_t most) {
  if (reply.is_done() || most == everything)
    return true;
  const auto stated = reply.content_length();
  return stated && *stated <= most;
}

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

error_code connection::check_peer() {
  ucred peer{};
  socklen_t size = sizeof peer;
  const bool known = ::getsockopt(socket_.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
  return known && (!user_ || peer.uid == *user_) ? error_code() : asio::error::access_denied;
}

asio::awaitable<error_code> connection::open() {
  if (const auto ec = open_socket())
    co_return ec;
  const asio::local::stream_protocol::endpoint endpoint(path_.string());
  auto [ec] = co_await socket_.async_connect(endpoint, as_pair);
  if (!ec)
    ec = check_peer();
  if (!ec)
    socket_.non_blocking(true, ec);
  co_return ec;
}

asio::awaitable<void> connection::reopen() {
  if (const auto ec = co_await open())
    throw_as(ec, errc::connection_lost);
}

// True where there is neither an end nor a byte to read: bytes that nobody asked for must not become a reply.
bool connection::is_idle_and_open() noexcept {
  const auto seen_readable = std::exchange(seen_readable_, std::nullopt);
  if (!socket_.is_open())
    return false;
  if (seen_readable)
    return !*seen_readable;
  char byte;
  const auto n = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return n < 0 && (errno == EAGAIN || errno == EINTR);
}

// Nearly every call fits the socket's buffer, and is then sent without leaving the coroutine.
asio::awaitable<void> connection::send_first() {
  bool fresh = false;
  if (!is_idle_and_open()) {
    fresh = true;
    co_await reopen();
  }
  for (;;) {
    const std::array all{asio::buffer(request_.head), asio::buffer(request_.body)};
    error_code ec;
    sent_ = socket_.write_some(all, ec);
    if (!ec || ec == asio::error::would_block)
      co_return;
    if (fresh || !is_closed_by_peer(ec))
      throw_as(ec, errc::connection_lost);
    fresh = true;
    co_await reopen();
  }
}

error_code connection::parse() {
  error_code ec;
  if (buffer_.size() != 0)
    buffer_.consume(reply_->put(buffer_.data(), ec));
  if (ec == http::error::need_more)
    ec.clear();
  // What the parser leaves is an unfinished chunk header or trailer, which it would take at any length.
  if (!ec && reply_->eager() && !reply_->is_done() && buffer_.size() > limits_.header)
    ec = http::error::header_limit;
  return ec;
}

error_code connection::end() {
  error_code ec;
  if (!reply_->got_some() && buffer_.size() == 0)
    return http::error::end_of_stream;
  reply_->put_eof(ec);
  return ec;
}

asio::awaitable<error_code> connection::receive_some() {
  const std::size_t bytes = reply_->is_header_done() ? large_read : small_read;
  const auto [ec, n] = co_await socket_.async_read_some(buffer_.prepare(bytes), as_pair);
  buffer_.commit(n);
  if (ec == asio::error::eof)
    co_return end();
  co_return ec ? ec : parse();
}

asio::awaitable<void> connection::receive_header() {
  for (;;) {
    reply_.emplace();
    reply_->header_limit(limits_.header);
    reply_->body_limit(boost::none);
    error_code ec = parse(); // what came behind an interim reply
    while (!ec && !reply_->is_header_done())
      ec = co_await receive_some();
    const bool interim = !ec && is_interim(reply_->get());
    if (!ec && !interim)
      ec = begin_body();
    if (ec)
      throw_as(ec, receive_errc(ec));
    if (!interim)
      co_return;
  }
}

// Whatever of the body came along is parsed. Beast adds a trailer's fields to the header, where they would be
// taken for what they are not.
error_code connection::begin_body() {
  header_.reset();
  if (reply_->chunked())
    header_ = std::move(reply_->get().base());
  reply_->eager(true);
  return reply_->is_done() ? error_code() : parse();
}

asio::awaitable<void> connection::receive_body(std::uint64_t limit) {
  const auto stated = reply_->content_length();
  if (stated && *stated > limit)
    throw system_error(errc::reply_too_large);
  while (!reply_->is_done() && reply_->get().body().size() <= limit) {
    const error_code ec = co_await receive_some();
    if (ec)
      throw_as(ec, receive_errc(ec));
  }
  if (reply_->get().body().size() > limit)
    throw system_error(errc::reply_too_large);
}

asio::awaitable<call_reply> connection::exchange(call_request request) {
  co_await begin(std::move(request));
  if (!has_unsent())
    co_return co_await receive(everything);
  // A function that replies while it reads would otherwise be waited for by whom it waits for.
  co_return co_await decided_by(receive(everything), send_rest());
}

asio::awaitable<void> connection::begin(call_request request) {
  assert(clean_ && "one call at a time, and none after a failed one");
  clean_ = false; // and so it stays where this coroutine is cancelled or destroyed
  ++calls_;
  reply_.reset();
  request_ = std::move(request);
  if (request_.in_chunks && !request_.body.empty()) {
    base::append_chunk_size(request_.head, request_.body.size());
    request_.body += base::line_end;
  }
  co_await send_first();
  sending_ = request_.more || has_unsent();
  if (!has_unsent())
    forget_request();
}

asio::awaitable<void> connection::send_rest() {
  const parts all{asio::buffer(request_.head), asio::buffer(request_.body)};
  boost::beast::buffers_suffix<parts> rest(all);
  rest.consume(sent_);
  const auto [ec, n] = co_await asio::async_write(socket_, rest, as_pair);
  sent_ += n;
  if (ec)
    throw_as(ec, errc::connection_lost);
  forget_request();
  sending_ = request_.more;
  set_clean();
}

// Idle workers need no memory for what they were sent.
void connection::forget_request() noexcept {
  request_.head.clear();
  request_.body = {};
  sent_ = 0;
}

// What follows the last byte is no await: its reply may be there by then, and cancel this.
asio::awaitable<void> connection::send_piece(std::string_view piece, bool last) {
  std::string before;
  std::string after;
  if (request_.in_chunks && !piece.empty()) {
    base::append_chunk_size(before, piece.size());
    after = base::line_end;
  }
  if (request_.in_chunks && last)
    after += base::last_chunk;
  const parts all{asio::buffer(before), asio::buffer(piece), asio::buffer(after)};
  const auto [ec, n] = co_await asio::async_write(socket_, all, as_pair);
  if (ec)
    throw_as(ec, errc::connection_lost);
  sending_ = !last;
  set_clean();
}

asio::awaitable<call_reply> connection::receive(std::uint64_t whole) {
  co_await receive_header();
  if (is_to_be_whole(*reply_, whole))
    co_await receive_body(whole == everything ? limits_.body : whole);
  co_return take_reply();
}

call_reply connection::take_reply() {
  if (!reply_->is_done()) {
    call_reply beginning(header_ ? std::move(*header_) : reply_->get().base());
    beginning.body().swap(reply_->get().body());
    return beginning;
  }
  const bool keep_alive = reply_->keep_alive();
  call_reply reply = reply_->release();
  if (header_)
    reply.base() = std::move(*header_);
  finish(keep_alive);
  return reply;
}

asio::awaitable<void> connection::read(std::string& piece) {
  std::string& body = reply_->get().body();
  piece.clear();
  while (body.empty() && !reply_->is_done()) {
    const error_code ec = co_await receive_some();
    if (ec)
      throw_as(ec, receive_errc(ec));
  }
  body.swap(piece); // which leaves its room for the next piece
  if (reply_->is_done())
    finish(reply_->keep_alive());
}

void connection::finish(bool keep_alive) noexcept {
  reply_.reset();
  set_clean();
  if (!keep_alive && !sending_)
    close();
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
