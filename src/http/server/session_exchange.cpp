// What a handler does with its connection while it runs.
#include "session.hpp"

#include "base/http_text.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <stdexcept>

namespace hotslot::http::detail {

namespace asio = boost::asio;
using boost::system::error_code;

void session::begin_handler(exchange& ex) {
  phase_ = phase::handler;
  waiting_since_.store(0, std::memory_order_relaxed);
  exchange_ = &ex;
  deadline_ = handler_by_ = read_by_ = write_by_ = clock::time_point::max();
  if (buffer_.size() == 0 && !reading_ && !read_error_)
    start_read(small_read);
}

void session::end_handler() {
  release();
  exchange_ = nullptr;
  phase_ = phase::write;
  deadline_ = clock::time_point::max();
}

asio::awaitable<void> session::begin(const response& head) {
  framing_.in_pieces = true;
  framing_.stated = owed_ = stated_length(head);
  framing_.keep_alive = may_keep_alive(head) && (framing_.stated || !framing_.to_http_1_0);
  render_head(head_, head, framing_);
  framing_.to_head = framing_.to_head || is_bodiless(head.result_int()); // whatever is written
  if (note_)
    note_->begin_answer(head);
  const transport::buffers all{asio::buffer(head_)};
  co_await send(all);
}

asio::awaitable<void> session::write_piece(std::string_view piece) {
  if (piece.empty() || framing_.to_head)
    co_return;
  if (owed_ && piece.size() > *owed_)
    throw std::length_error("more was written than the answer's Content-Length says");
  if (owed_)
    *owed_ -= piece.size();
  const asio::const_buffer body = asio::buffer(piece.data(), piece.size());
  transport::buffers all{body};
  if (is_chunked(framing_)) {
    head_.clear();
    base::append_chunk_size(head_, piece.size());
    all = {asio::buffer(head_), body, asio::buffer(base::line_end.data(), base::line_end.size())};
  }
  co_await send(all);
  if (note_)
    note_->add_piece(piece.size());
}

asio::awaitable<bool> session::write_end() {
  if (owed_.value_or(0) != 0 && !framing_.to_head) {
    server_->log("handler failed: it wrote less than the answer's Content-Length says");
    co_return false;
  }
  if (!is_chunked(framing_) || framing_.to_head)
    co_return true;
  const transport::buffers end{asio::buffer(base::last_chunk.data(), base::last_chunk.size())};
  std::size_t sent = 0;
  if (const auto written = write_now(end, sent))
    co_return *written;
  co_return co_await write_rest(sent, end);
}

// From within the handler, which goes on only if there is still somebody to write to.
asio::awaitable<void> session::send(const transport::buffers& all) {
  std::size_t sent = 0;
  auto written = write_now(all, sent);
  if (!written) {
    const auto renew = [this] {
      write_by_ = clock::now() + server_->limits().write_timeout;
      watch_handler();
    };
    renew();
    written = co_await transport_.write_rest(sent, all, renew);
    write_by_ = clock::time_point::max();
  }
  if (*written && !closed_ && !read_error_)
    co_return;
  exchange_->abandoned_ = true;
  throw boost::system::system_error(asio::error::operation_aborted);
}

asio::awaitable<void> session::read_piece(std::string& piece) {
  std::string& body = parser_->get().body();
  piece.clear();
  parser_->eager(true);
  co_await ask_for_body();
  read_by_ = clock::now() + server_->limits().body_timeout;
  watch_handler();
  bool more = hold_for_piece();
  while (more && body.empty() && !parser_->is_done()) {
    if (buffer_.size() > 0 && !reading_)
      parse_piece();
    more = !refusal_;
    if (more && body.empty() && !parser_->is_done())
      more = co_await fill(large_read);
  }
  read_by_ = clock::time_point::max();
  if (!more)
    fail_body();
  body.swap(piece); // which leaves its room for the next piece
  if (parser_->is_done() && buffer_.size() == 0 && !reading_ && !read_error_)
    start_read(small_read); // watches the caller
}

void session::parse_piece() {
  if (const error_code ec = parse())
    refused(refuse_body(ec));
}

// Not once an answer has begun: what a caller then gets is that.
asio::awaitable<void> session::ask_for_body() {
  const bool expected = parser_->get().erase(field::expect) > 0 && parser_->get().version() >= 11;
  if (!expected || framing_.in_pieces || buffer_.size() > 0)
    co_return;
  const transport::buffers all{asio::buffer(continue_text.data(), continue_text.size())};
  co_await send(all);
}

// The handler is stopped, whatever else it waits for: the answer is clear already, or nobody is there to read
// one.
void session::fail_body() {
  if (timed_out_ && !refusal_)
    refused(make_error(status::request_timeout, "the request did not arrive in time"));
  exchange_->abandoned_ = exchange_->abandoned_ || !refusal_;
  read_error_ = timed_out_ ? error_code() : read_error_;
  asio::post(transport_.get_executor(), [self = shared_from_this(), at = exchange_] {
    if (self->exchange_ == at)
      self->cancel_handler_.emit(asio::cancellation_type::terminal);
  });
  throw boost::system::system_error(asio::error::operation_aborted);
}

// The server says that it drains before it posts `drain`: a wait that begins in between sees the one or the
// other.
asio::awaitable<void> session::wait_until(clock::time_point when) {
  if (closing())
    co_return;
  pause_.emplace(transport_.get_executor(), when);
  co_await pause_->async_wait(asio::as_tuple(asio::deferred));
}

void session::set_handler_deadline(clock::time_point deadline) {
  handler_by_ = deadline;
  watch_handler();
}

void session::watch_handler() { set_deadline(std::min({handler_by_, read_by_, write_by_})); }

void session::handler_deadline_passed() {
  const auto now = clock::now();
  const bool expired = handler_by_ <= now;
  if (write_by_ <= now || (expired && write_by_ != clock::time_point::max()))
    return reset();
  if (expired) {
    handler_by_ = clock::time_point::max();
    exchange_->expired_ = true;
    cancel_handler_.emit(asio::cancellation_type::terminal);
  } else if (read_by_ <= now) {
    read_by_ = clock::time_point::max();
    timed_out_ = static_cast<bool>(reader_);
    if (timed_out_)
      transport_.cancel();
  }
  watch_handler();
}

void session::abandon() {
  exchange_->abandoned_ = true;
  cancel_handler_.emit(asio::cancellation_type::terminal);
}

} // namespace hotslot::http::detail

namespace hotslot::http {

void exchange::expires_at(std::chrono::steady_clock::time_point deadline) {
  expired_ = false;
  session_.set_handler_deadline(deadline);
}

void exchange::expires_after(std::chrono::steady_clock::duration timeout) {
  expires_at(std::chrono::steady_clock::now() + timeout);
}

const boost::asio::ip::tcp::endpoint& exchange::remote_endpoint() const noexcept {
  return session_.remote_endpoint();
}

const boost::asio::ip::address& exchange::client_address() const noexcept { return session_.origin().client; }

std::optional<status> exchange::refused() const noexcept { return session_.refused(); }

std::string_view exchange::scheme() const noexcept { return session_.origin().secure ? "https" : "http"; }

boost::asio::any_io_executor exchange::get_executor() const { return session_.get_executor(); }

bool exchange::has_more() const noexcept { return session_.has_unread_body(); }

boost::asio::awaitable<void> exchange::read(std::string& piece) { return session_.read_piece(piece); }

boost::asio::awaitable<void> exchange::begin(const response& head) { return session_.begin(head); }

boost::asio::awaitable<void> exchange::write(std::string_view piece) { return session_.write_piece(piece); }

boost::asio::awaitable<void> exchange::wait_until(std::chrono::steady_clock::time_point when) {
  return session_.wait_until(when);
}

bool exchange::closing() const noexcept { return session_.closing(); }

void exchange::send_buffer_size(int bytes) noexcept { session_.send_buffer_size(bytes); }

} // namespace hotslot::http
