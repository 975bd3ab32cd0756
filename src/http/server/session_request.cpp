// How a connection's requests are read.
#include "session.hpp"

#include "base/bounded_parser.hpp"
#include "request_check.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>

#include <algorithm>
#include <utility>

namespace hotslot::http::detail {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

bool begins_message(char c) { return c > 0x20 && c < 0x7f; }

bool starts_folded(std::string_view lines) { return lines.starts_with(' ') || lines.starts_with('\t'); }

response no_room() {
  response res = make_error(status::service_unavailable, "too many bytes of bodies are kept already");
  res.set(field::retry_after, "1");
  return res;
}

} // namespace

asio::awaitable<session::input> session::read_request() {
  const input head = co_await read_head();
  if (head != input::complete)
    co_return head;
  if (note_)
    note_->set_request(parser_->get());
  if (auto why = check_header(parser_->get()))
    co_return refused(std::move(*why));
  settle_header(parser_->get());
  if (auto why = server_->admit(parser_->get()))
    co_return refused(std::move(*why));
  if (parser_->is_done() || !may_be_read_first())
    co_return input::complete;
  if (awaits_continue(parser_->get()))
    co_await say_continue();
  set_header_aside();
  co_return co_await read_body();
}

// From here on it is plain who is asked for what, and by whom.
void session::settle_header(request& head) {
  origin_ = origin_of(head, server_->proxies(), remote_.address(), transport_.is_secure());
  drop_doubtful(head, origin_.by_proxy, server_->keeps_underscores());
  settle_target(head);
  if (head.version() < 11 && head.count(field::host) == 0)
    head.set(field::host, transport_.local_address());
  if (note_)
    note_->set_client(origin_.client);
}

// Beast adds a trailer's fields to the header, which has been checked by then: nobody may change it any more.
void session::set_header_aside() {
  if (!parser_->chunked())
    return;
  header_ = std::move(parser_->get().base());
  chunk_bound_ = {server_->limits().header_bytes, boost::beast::http::error::header_limit, &seen_last_chunk_};
  parser_->on_chunk_header(chunk_bound_);
}

// What states no length is begun to be read.
bool session::may_be_read_first() const {
  const auto stated = parser_->content_length();
  return !stated || *stated <= server_->limits().whole_body_bytes;
}

asio::awaitable<session::input> session::read_head() {
  for (;;) {
    if (phase_ == phase::idle)
      skip_empty_lines();
    if (buffer_.size() > 0) {
      if (note_ && phase_ == phase::idle)
        note_->begin();
      if (phase_ == phase::idle && !begins_message(*static_cast<const char*>(buffer_.data().data())))
        co_return refused(make_error(status::bad_request, "this is not HTTP"));
      if (const error_code ec = parse())
        co_return refused(refuse_malformed(ec));
      if (parser_->is_header_done())
        co_return input::complete;
      if (phase_ == phase::idle)
        enter(phase::head, server_->limits().header_timeout);
    }
    const bool more = co_await fill(small_read);
    if (!more)
      co_return input_failed();
  }
}

asio::awaitable<session::input> session::read_body() {
  enter(phase::body, server_->limits().body_timeout);
  parser_->eager(true);
  for (;;) {
    if (buffer_.size() > 0)
      if (const error_code ec = parse())
        co_return refused(refuse_body(ec));
    if (!hold(parser_->get().body().size()))
      co_return refused(no_room());
    if (parser_->is_done() || parser_->get().body().size() > server_->limits().whole_body_bytes)
      co_return input::complete;
    const bool more = co_await fill(large_read);
    if (!more)
      co_return input_failed();
  }
}

// RFC 9112, 2.2: a server should ignore empty lines in front of a request.
void session::skip_empty_lines() {
  if (reading_)
    return;
  const auto data = buffer_.data();
  const auto* bytes = static_cast<const char*>(data.data());
  std::size_t n = 0;
  while (n < data.size() && (bytes[n] == '\r' || bytes[n] == '\n'))
    ++n;
  buffer_.consume(n);
}

error_code session::parse() {
  error_code ec;
  const bool in_header = !parser_->is_header_done();
  const bool in_trailer = seen_last_chunk_;
  const auto data = buffer_.data();
  const std::size_t parsed = base::put(*parser_, data, boost::beast::http::error::header_limit, ec);
  const std::string_view taken(static_cast<const char*>(data.data()), parsed);
  if (in_header    ? has_folded_field(taken)
      : in_trailer ? starts_folded(taken) || has_folded_field(taken)
                   : seen_last_chunk_ && has_folded_trailer(taken))
    ec = boost::beast::http::error::bad_obs_fold; // some parsers take headers and trailers at once, some by
                                                  // fields
  buffer_.consume(parsed);
  if (ec == boost::beast::http::error::need_more)
    ec.clear();
  if (!ec && !in_header && exceeds_bound())
    ec = boost::beast::http::error::header_limit;
  return ec;
}

// What the parser leaves is an unfinished chunk header or trailer, which it would take at any length.
bool session::exceeds_bound() const {
  const std::size_t most = server_->limits().header_bytes;
  if (!parser_->is_done())
    return buffer_.size() > most;
  return header_ && base::size_of_fields(parser_->get()) > most;
}

session::input session::refused(response why) {
  refusal_ = std::move(why);
  return input::refused;
}

session::input session::input_failed() {
  if (!timed_out_ || closed_ || phase_ == phase::idle)
    return input::ended;
  if (read_error_ == asio::error::operation_aborted)
    read_error_.clear();
  return refused(make_error(status::request_timeout, "the request did not arrive in time"));
}

// A caller that cannot be told sends nothing, either, which ends the reading of the body.
asio::awaitable<void> session::say_continue() {
  parser_->get().erase(field::expect);
  if (buffer_.size() > 0)
    co_return;
  const transport::buffers all{asio::buffer(continue_text.data(), continue_text.size())};
  co_await write_rest(0, all);
}

request session::take_request() {
  if (!parser_->is_done()) {
    request beginning(header_ ? std::move(*header_) : parser_->get().base());
    beginning.body().swap(parser_->get().body());
    return beginning;
  }
  request whole = parser_->release();
  parser_.reset();
  if (header_)
    whole.base() = std::move(*header_);
  return whole;
}

// More than a body's first few KB are taken from what all bodies have.
bool session::hold(std::size_t bytes) {
  auto* all = server_->bodies();
  if (!all || bytes <= small_read)
    return true;
  const std::size_t wanted = (bytes + large_read - 1) / large_read * large_read;
  if (wanted > held_ && !all->try_take(wanted - held_)) {
    server_->note_body_refused();
    return false;
  }
  held_ = std::max(held_, wanted);
  return true;
}

bool session::hold_for_piece() {
  const bool held = hold(large_read);
  if (!held)
    refused(no_room());
  return held;
}

void session::release() noexcept {
  if (const auto held = std::exchange(held_, 0))
    server_->bodies()->give_back(held);
}

} // namespace hotslot::http::detail
