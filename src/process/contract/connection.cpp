#include "connection.hpp"

#include "function_socket.hpp"

#include "base/bounded_parser.hpp"
#include "base/http_text.hpp"

#include <hotslot/decided_by.hpp>
#include <hotslot/process/socket_root.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/buffers_suffix.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/system/system_error.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstring>
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

/// Not the function's doing, but that of this process or of the machine.
bool is_out_of_descriptors(const error_code& ec) noexcept {
  return ec == asio::error::no_descriptors || ec == boost::system::errc::too_many_files_open_in_system;
}

opening why_not_opened(const error_code& ec, const std::filesystem::path& path) {
  if (is_out_of_descriptors(ec))
    return {errc::no_descriptor, ec.message()};
  if (ec == asio::error::connection_refused || ec == asio::error::operation_aborted)
    return {ec};
  return {errc::bad_socket, path.string() + ": " + ec.message()};
}

[[noreturn]] void throw_as(const error_code& ec, errc meaning) {
  if (ec == asio::error::operation_aborted)
    throw system_error(ec);
  throw system_error(is_out_of_descriptors(ec) ? errc::no_descriptor : meaning, ec.message());
}

constexpr auto everything = std::numeric_limits<std::uint64_t>::max();
constexpr std::size_t small_read = 4 * 1024;
constexpr std::size_t large_read = 64 * 1024;

// A status below 100 is none, and after 101 another protocol is spoken: they end the call, as any that the
// contract does not know.
bool is_interim(const call_reply& reply) {
  return reply.result_int() / 100 == 1 && reply.result_int() != 101;
}

// Beast passes on what is in another coding.
bool is_coded(const call_reply& reply) {
  const auto codings = reply.count(http::field::transfer_encoding);
  return codings > 1 ||
         (codings == 1 && !boost::beast::iequals(reply[http::field::transfer_encoding], "chunked"));
}

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

asio::awaitable<opening> connection::open() {
  auto found = find_socket(directory_);
  if (found.kind == socket_finding::kind_type::nothing)
    co_return opening{make_error_code(boost::system::errc::no_such_file_or_directory)};
  if (found.kind == socket_finding::kind_type::bad)
    co_return opening{errc::bad_socket, std::move(found.reason)};
  const std::string address = found.address();
  if (address.size() > max_socket_path)
    co_return opening{errc::socket_path_too_long, address};
  auto ec = open_socket();
  if (!ec)
    std::tie(ec) = co_await socket_.async_connect(address, as_pair);
  if (!ec)
    ec = check_peer();
  if (!ec)
    socket_.non_blocking(true, ec);
  co_return ec ? why_not_opened(ec, found.path) : opening{};
}

asio::awaitable<void> connection::reopen() {
  const auto [ec, detail] = co_await open();
  if (ec == asio::error::operation_aborted || ec == errc::no_descriptor)
    throw system_error(ec, detail);
  if (ec)
    throw system_error(errc::connection_lost, detail);
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

// Beast insists on the blank behind the code, which RFC 9112, 4 wants even where no reason follows, and which
// many leave out. False where more has to come before that can be told.
bool connection::mend_status_line() {
  constexpr std::string_view shortest = "HTTP/1.1 200\r\n";
  constexpr std::string_view protocol = shortest.substr(0, 7);
  constexpr std::size_t code_end = shortest.size() - base::line_end.size();
  const auto text = [this] { return static_cast<char*>(buffer_.data().data()); };
  const std::size_t size = buffer_.size();
  if (size < shortest.size())
    return !protocol.starts_with(std::string_view(text(), std::min(size, protocol.size())));
  if (text()[code_end] != '\r')
    return true;
  buffer_.commit(asio::buffer_size(buffer_.prepare(1)));
  std::memmove(text() + code_end + 1, text() + code_end, size - code_end);
  text()[code_end] = ' ';
  return true;
}

error_code connection::parse() {
  error_code ec;
  if (!reply_->got_some() && !mend_status_line())
    return ec;
  if (buffer_.size() != 0)
    buffer_.consume(base::put(*reply_, buffer_.data(), http::error::header_limit, ec));
  if (ec == http::error::need_more)
    ec.clear();
  if (!ec && reply_->eager() && exceeds_bound())
    ec = http::error::header_limit;
  return ec;
}

// What the parser leaves is an unfinished chunk header or trailer, which it would take at any length.
bool connection::exceeds_bound() const {
  if (!reply_->is_done())
    return buffer_.size() > limits_.header;
  return header_ && base::size_of_fields(reply_->get()) > limits_.header;
}

error_code connection::end() {
  error_code ec;
  if (!reply_->got_some())
    return buffer_.size() == 0 ? http::error::end_of_stream : http::error::partial_message;
  reply_->put_eof(ec);
  return ec;
}

asio::awaitable<error_code> connection::receive_some() {
  const std::size_t bytes = reply_->is_header_done() ? large_read : small_read;
  const auto [ec, n] = co_await socket_.async_read_some(buffer_.prepare(bytes), as_pair);
  buffer_.commit(n);
  replied_ = replied_ || n != 0;
  if (ec == asio::error::eof)
    co_return end();
  co_return ec ? ec : parse();
}

void connection::expect_reply() {
  reply_.emplace();
  reply_->header_limit(limits_.header);
  reply_->body_limit(boost::none);
}

asio::awaitable<void> connection::receive_header() {
  for (;;) {
    if (!reply_ || reply_->is_header_done())
      expect_reply();
    error_code ec = parse(); // what came behind an interim reply
    while (!ec && !reply_->is_header_done())
      ec = co_await receive_some();
    const bool interim = !ec && is_interim(reply_->get());
    if (!ec && is_coded(reply_->get()))
      ec = http::error::bad_transfer_encoding;
    if (!ec && !interim)
      ec = begin_body();
    if (ec)
      throw_as(ec, receive_errc(ec));
    if (!interim) {
      status_ = reply_->get().result_int();
      co_return;
    }
  }
}

// Whatever of the body came along is parsed. Beast adds a trailer's fields to the header, where they would be
// taken for what they are not.
error_code connection::begin_body() {
  header_.reset();
  if (reply_->chunked()) {
    header_ = std::move(reply_->get().base());
    chunk_bound_ = {limits_.header, http::error::header_limit};
    reply_->on_chunk_header(chunk_bound_);
  }
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
  replied_ = replied_whole_ = false;
  status_ = 200;
  request_ = std::move(request);
  head_size_ = request_.head.size();
  if (request_.in_chunks && !request_.body.empty()) {
    base::append_chunk_size(request_.head, request_.body.size());
    request_.body += base::line_end;
  }
  co_await send_first();
  sending_ = request_.more || has_unsent();
  forget_sent();
}

std::optional<unanswered_call> connection::take_back() noexcept {
  const bool sent = std::exchange(sent_, 0) != 0;
  if (request_.head.empty() || replied_ || (sent && request_.more))
    return std::nullopt;
  request_.head.resize(head_size_);
  if (request_.in_chunks && !request_.body.empty())
    request_.body.resize(request_.body.size() - base::line_end.size());
  return unanswered_call{std::exchange(request_, {}), sent};
}

asio::awaitable<void> connection::send_rest() {
  const parts all{asio::buffer(request_.head), asio::buffer(request_.body)};
  boost::beast::buffers_suffix<parts> rest(all);
  rest.consume(sent_);
  const auto [ec, n] = co_await asio::async_write(socket_, rest, as_pair);
  sent_ += n;
  if (ec)
    throw_as(ec, errc::connection_lost);
  forget_sent();
  sending_ = request_.more && socket_.is_open();
  set_clean();
}

// Unless it may have to be sent again, and could be.
void connection::forget_sent() noexcept {
  if (!has_unsent() && (replied_ || !request_.idempotent || request_.more))
    forget_request();
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
  sending_ = !last && socket_.is_open();
  set_clean();
}

asio::awaitable<call_reply> connection::receive(std::uint64_t whole) {
  co_await receive_header();
  forget_sent();
  if (reply_->get().result() == http::status::request_header_fields_too_large)
    co_return give_up();
  if (is_to_be_whole(*reply_, whole))
    co_await receive_body(whole == everything ? limits_.body : whole);
  co_return take_reply();
}

// A function that does not take a header has not begun the call: its worker is as it was, and what the two
// of them had still to send each other is of no account.
call_reply connection::give_up() {
  call_reply head(header_ ? std::move(*header_) : reply_->get().base());
  leave();
  return head;
}

void connection::leave() noexcept {
  close();
  buffer_.clear();
  reply_.reset();
  forget_request();
  sending_ = false;
  set_clean();
}

void connection::stop_sending() noexcept { leave(); }

// That the function closes instead tells nothing: Node does so at the end of what it is sent, and its handler
// goes on.
asio::awaitable<unsigned> connection::end_unheard(std::uint64_t most) {
  const bool nothing_sent = !sending_ && has_unsent();
  if (!clean_ && !nothing_sent && !replied_whole_) {
    error_code ignored;
    if (sending_)
      socket_.shutdown(asio::socket_base::shutdown_send, ignored);
    co_await drop_reply(most);
  }
  if (!clean_)
    leave();
  co_return status_;
}

asio::awaitable<void> connection::drop_reply(std::uint64_t most) {
  if (!reply_ || !reply_->is_header_done())
    co_await receive_header();
  std::uint64_t dropped = 0;
  for (std::string piece; has_more();) {
    co_await read(piece);
    dropped += piece.size();
    if (dropped > most && has_more())
      throw system_error(errc::reply_too_large);
  }
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
  replied_whole_ = true;
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
