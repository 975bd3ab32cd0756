#include "session.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/buffers_suffix.hpp>
#include <boost/beast/http/error.hpp>

#include <array>

namespace hotslot::http::detail {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::size_t small_read = 4 * 1024;
constexpr std::size_t large_read = 64 * 1024;

using buffers = std::array<asio::const_buffer, 2>;

bool retry(const error_code& ec) { return ec == asio::error::would_block || ec == asio::error::try_again; }

bool printable(char c) { return c > 0x20 && c < 0x7f; }

std::string describe(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "an exception of unknown type";
  }
}

bool is_aborted(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const boost::system::system_error& e) {
    return e.code() == asio::error::operation_aborted;
  } catch (...) {
    return false;
  }
}

} // namespace

// Destroyed unused, with its context, it frees the coroutine that waits for it: that coroutine owns the
// session, which holds the coroutine.
struct session::read_completion {
  explicit read_completion(std::shared_ptr<session> s)
    : self(std::move(s)) {}
  read_completion(read_completion&&) = default;
  read_completion& operator=(read_completion&&) = delete;
  ~read_completion() {
    if (self)
      self->reader_.reset();
  }

  void operator()(const error_code& ec, std::size_t bytes) {
    const auto kept = std::move(self);
    kept->on_read(ec, bytes);
  }

  std::shared_ptr<session> self;
};

session::session(std::shared_ptr<server_core> server, tcp::socket socket, const tcp::endpoint& remote)
  : server_(std::move(server))
  , socket_(std::move(socket))
  , remote_(remote)
  , timer_(socket_.get_executor()) {
  error_code ignored;
  socket_.set_option(tcp::no_delay(true), ignored);
  socket_.non_blocking(true, ignored);
}

session::~session() {
  close();
  server_->leave(*this);
}

// The completion handler keeps the session beyond the coroutine, whose last steps still look at the
// cancellation slot.
void session::start() {
  asio::co_spawn(socket_.get_executor(), run(shared_from_this()),
                 asio::bind_cancellation_slot(cancel_handler_.slot(),
                                              [self = shared_from_this()](const std::exception_ptr& error) {
                                                if (error)
                                                  self->server_->log("connection failed: " + describe(error));
                                                self->close();
                                              }));
}

void session::drain() {
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    if (self->phase_ == phase::idle && self->buffer_.size() == 0)
      self->close();
  });
}

void session::cut() {
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    self->close();
    if (self->phase_ == phase::handler)
      self->abandon();
  });
}

// Nowhere here does a condition (if, while, &&) contain a co_await: g++ 12 miscompiles that.
asio::awaitable<void> session::run(std::shared_ptr<session> self) {
  bool open = true;
  while (open)
    open = co_await serve_one();
  self->close();
}

asio::awaitable<bool> session::serve_one() {
  begin_request();
  const input in = co_await read_request();
  if (in == input::complete)
    co_return co_await answer();
  if (in == input::refused)
    co_await refuse();
  co_return false;
}

void session::begin_request() {
  const auto& limits = server_->limits();
  parser_.emplace();
  parser_->header_limit(limits.header_bytes);
  parser_->body_limit(limits.body_bytes);
  enter(phase::idle, first_ ? limits.header_timeout : limits.idle_timeout);
  first_ = false;
}

asio::awaitable<session::input> session::read_request() {
  const input head = co_await read_head();
  if (head != input::complete)
    co_return head;
  if (auto why = check_header(parser_->get()))
    co_return refused(std::move(*why));
  if (parser_->is_done())
    co_return input::complete;
  if (awaits_continue(parser_->get()))
    co_await say_continue();
  co_return co_await read_body();
}

asio::awaitable<session::input> session::read_head() {
  for (;;) {
    if (phase_ == phase::idle)
      skip_empty_lines();
    if (buffer_.size() > 0) {
      if (phase_ == phase::idle && !printable(*static_cast<const char*>(buffer_.data().data())))
        co_return refused({status::bad_request, "this is not HTTP"});
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
        co_return refused(refuse_malformed(ec));
    if (parser_->is_done())
      co_return input::complete;
    // What the parser leaves is an unfinished chunk header or trailer, which it would take at any length.
    if (buffer_.size() > server_->limits().header_bytes)
      co_return refused({status::request_header_fields_too_large, "a chunk header or trailer is too large"});
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
  buffer_.consume(parser_->put(buffer_.data(), ec));
  return ec == boost::beast::http::error::need_more ? error_code() : ec;
}

session::input session::refused(refusal why) {
  refusal_ = std::move(why);
  return input::refused;
}

session::input session::input_failed() {
  if (!timed_out_ || closed_ || phase_ == phase::idle)
    return input::ended;
  if (read_error_ == asio::error::operation_aborted)
    read_error_.clear();
  return refused({status::request_timeout, "the request did not arrive in time"});
}

// A caller that cannot be told sends nothing, either, which ends the reading of the body.
asio::awaitable<void> session::say_continue() {
  if (buffer_.size() > 0)
    co_return;
  enter(phase::write, server_->limits().write_timeout);
  static constexpr std::string_view text = "HTTP/1.1 100 Continue\r\n\r\n";
  co_await asio::async_write(socket_, asio::buffer(text.data(), text.size()), asio::as_tuple(asio::deferred));
}

asio::awaitable<bool> session::answer() {
  request req = parser_->release();
  parser_.reset();
  framing f{req.method() == verb::head, req.keep_alive(), req.version() < 11};
  exchange ex(*this);
  const response res = co_await call_handler(ex, req);
  if (ex.abandoned_ || closed_)
    co_return false;
  f.keep_alive = f.keep_alive && res.keep_alive() && !server_->draining() && !read_error_;
  const bool written = co_await write(res, f);
  if (written && !f.keep_alive && buffer_.size() > 0)
    co_await linger();
  co_return written&& f.keep_alive;
}

asio::awaitable<response> session::call_handler(exchange& ex, request& req) {
  phase_ = phase::handler;
  deadline_ = clock::time_point::max();
  exchange_ = &ex;
  if (buffer_.size() == 0 && !reading_ && !read_error_)
    start_read(small_read);
  response res;
  std::exception_ptr error;
  try {
    res = co_await server_->handler()(std::move(req), ex);
  } catch (...) {
    error = std::current_exception();
  }
  exchange_ = nullptr;
  phase_ = phase::write;
  deadline_ = clock::time_point::max();
  co_await asio::this_coro::reset_cancellation_state();
  co_await asio::this_coro::throw_if_cancelled(true);
  if (error)
    res = failed(error, ex);
  co_return res;
}

response session::failed(const std::exception_ptr& error, const exchange& ex) const {
  if ((ex.expired_ || ex.abandoned_) && is_aborted(error))
    return make_error(status::gateway_timeout, "the call took too long");
  server_->log("handler failed: " + describe(error));
  return make_error(status::internal_server_error, "internal error");
}

asio::awaitable<void> session::refuse() {
  const framing f{parser_->is_header_done() && parser_->get().method() == verb::head, false, false};
  const response res = make_error(refusal_->code, refusal_->message);
  const bool written = co_await write(res, f);
  if (written)
    co_await linger();
}

// Nearly every answer fits the socket's buffer, and is then written without leaving the coroutine.
asio::awaitable<bool> session::write(const response& res, const framing& f) {
  render_head(head_, res, f);
  const bool body = has_body(res, f);
  const buffers all{asio::buffer(head_), body ? asio::buffer(res.body()) : asio::const_buffer()};
  error_code ec;
  const std::size_t sent = socket_.write_some(all, ec);
  if (ec && !retry(ec))
    co_return false;
  if (sent == asio::buffer_size(all))
    co_return true;
  co_return co_await write_rest(sent, res, body);
}

asio::awaitable<bool> session::write_rest(std::size_t sent, const response& res, bool body) {
  enter(phase::write, server_->limits().write_timeout);
  boost::beast::buffers_suffix<buffers> rest(
      {asio::buffer(head_), body ? asio::buffer(res.body()) : asio::const_buffer()});
  rest.consume(sent);
  auto [ec, n] = co_await asio::async_write(socket_, rest, asio::as_tuple(asio::deferred));
  co_return !ec;
}

// Closing a socket with unread input resets the connection, and the caller may lose the answer (RFC
// 9112, 9.6).
asio::awaitable<void> session::linger() {
  enter(phase::linger, server_->limits().linger_timeout);
  error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
  bool more = true;
  while (more) {
    if (!reading_)
      buffer_.consume(buffer_.size());
    more = co_await fill(large_read);
  }
}

asio::awaitable<bool> session::fill(std::size_t bytes) {
  if (closed_ || timed_out_ || read_error_)
    co_return false;
  if (!reading_)
    start_read(bytes);
  co_await asio::async_initiate<const asio::deferred_t&, void()>(
      [this](auto handler) { reader_.park(std::move(handler)); }, asio::deferred);
  co_return !closed_ && !timed_out_ && !read_error_;
}

void session::start_read(std::size_t bytes) {
  if (buffer_.size() == 0 && bytes < buffer_.capacity())
    buffer_ = {};
  reading_ = true;
  socket_.async_read_some(buffer_.prepare(bytes), read_completion(shared_from_this()));
}

void session::on_read(const error_code& ec, std::size_t bytes) {
  reading_ = false;
  read_error_ = ec;
  buffer_.commit(bytes);
  if (reader_)
    reader_.resume();
  else if (ec && phase_ == phase::handler)
    abandon();
}

void session::enter(phase p, clock::duration timeout) {
  phase_ = p;
  timed_out_ = false;
  set_deadline(clock::now() + timeout);
}

void session::set_deadline(clock::time_point deadline) {
  deadline_ = deadline;
  if (!closed_ && deadline < armed_for_)
    arm_timer();
}

void session::arm_timer() {
  armed_for_ = deadline_;
  timer_.expires_at(deadline_);
  timer_.async_wait([self = shared_from_this()](const error_code& ec) {
    if (!ec)
      self->on_timer();
  });
}

void session::on_timer() {
  armed_for_ = clock::time_point::max();
  if (closed_ || deadline_ == clock::time_point::max())
    return;
  if (clock::now() < deadline_)
    arm_timer();
  else
    deadline_passed();
}

void session::deadline_passed() {
  deadline_ = clock::time_point::max();
  switch (phase_) {
  case phase::handler:
    exchange_->expired_ = true;
    cancel_handler_.emit(asio::cancellation_type::terminal);
    return;
  case phase::write:
    return reset();
  case phase::linger:
    return close();
  case phase::idle:
  case phase::head:
  case phase::body:
    break;
  }
  timed_out_ = true;
  error_code ignored;
  socket_.cancel(ignored);
}

void session::abandon() {
  exchange_->abandoned_ = true;
  cancel_handler_.emit(asio::cancellation_type::terminal);
}

void session::close() noexcept {
  closed_ = true;
  error_code ignored;
  timer_.cancel();
  socket_.close(ignored);
}

// A caller that does not read would otherwise keep the rest of its answer in the kernel.
void session::reset() noexcept {
  error_code ignored;
  socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  close();
}

} // namespace hotslot::http::detail

namespace hotslot::http {

void exchange::expires_at(std::chrono::steady_clock::time_point deadline) {
  expired_ = false;
  session_.set_deadline(deadline);
}

void exchange::expires_after(std::chrono::steady_clock::duration timeout) {
  expires_at(std::chrono::steady_clock::now() + timeout);
}

const boost::asio::ip::tcp::endpoint& exchange::remote_endpoint() const noexcept {
  return session_.remote_endpoint();
}

boost::asio::any_io_executor exchange::get_executor() const { return session_.get_executor(); }

} // namespace hotslot::http
