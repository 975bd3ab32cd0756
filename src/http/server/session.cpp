#include "session.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>

#include <algorithm>

namespace hotslot::http::detail {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

bool retry(const error_code& ec) { return ec == asio::error::would_block || ec == asio::error::try_again; }

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

session::session(std::shared_ptr<server_core> server, transport::socket_type socket,
                 const tcp::endpoint& remote)
  : server_(std::move(server))
  , transport_(std::move(socket), server_->tls().get())
  , remote_(remote)
  , timer_(transport_.get_executor())
  , note_(server_->on_answered() ? std::make_unique<access_note>(server_->on_answered(), remote_) : nullptr) {
}

session::~session() {
  release();
  close();
  server_->leave(*this);
}

// The completion handler keeps the session beyond the coroutine, whose last steps still look at the
// cancellation slot.
void session::start() {
  asio::co_spawn(transport_.get_executor(), run(shared_from_this()),
                 asio::bind_cancellation_slot(cancel_handler_.slot(),
                                              [self = shared_from_this()](const std::exception_ptr& error) {
                                                if (error)
                                                  self->server_->log("connection failed: " + describe(error));
                                                self->close();
                                              }));
}

void session::drain() {
  asio::post(transport_.get_executor(), [self = shared_from_this()] {
    if (self->phase_ == phase::idle && self->buffer_.size() == 0)
      self->close();
    if (self->pause_)
      self->pause_->cancel();
  });
}

// For another connection, unless its request has come meanwhile.
void session::give_up(clock::rep since) {
  asio::post(transport_.get_executor(), [self = shared_from_this(), since] {
    if (self->closed_ || self->waiting_since() != since)
      return;
    self->server_->note_given_up();
    self->close();
  });
}

void session::cut() {
  asio::post(transport_.get_executor(), [self = shared_from_this()] {
    self->close();
    if (self->phase_ == phase::handler) {
      self->exchange_->cut_ = true;
      self->abandon();
    }
  });
}

// Nowhere here does a condition (if, while, &&) contain a co_await: g++ 12 miscompiles that.
asio::awaitable<void> session::run(std::shared_ptr<session> self) {
  bool open = true;
  if (transport_.is_secure())
    open = co_await begin_tls();
  while (open)
    open = co_await serve_one();
  self->close();
}

asio::awaitable<bool> session::begin_tls() {
  enter(phase::head, server_->limits().header_timeout);
  const auto spoken = co_await transport_.listen_first();
  bool secure = false;
  if (spoken == transport::spoken::tls)
    secure = co_await transport_.handshake();
  if (!secure)
    server_->note_tls_failed();
  if (spoken == transport::spoken::something_else)
    co_await refuse_plain();
  co_return secure;
}

asio::awaitable<void> session::refuse_plain() {
  begin_request();
  if (note_)
    note_->begin();
  refused(
      make_error(status::bad_request, "this address is served by HTTPS only, and was spoken to without TLS"));
  co_await refuse();
}

asio::awaitable<bool> session::serve_one() {
  begin_request();
  const input in = co_await read_request();
  if (in == input::complete)
    co_return co_await answer();
  if (in == input::refused)
    co_await refuse();
  else if (note_ && note_->has_request())
    note_->tell(false);
  co_return false;
}

void session::begin_request() {
  const auto& limits = server_->limits();
  header_.reset();
  seen_last_chunk_ = false;
  parser_.emplace();
  parser_->header_limit(limits.header_bytes);
  parser_->body_limit(limits.body_bytes);
  enter(phase::idle, first_ ? limits.header_timeout : limits.idle_timeout);
  first_ = false;
}

asio::awaitable<bool> session::answer() {
  request req = take_request();
  framing_ = {req.method() == verb::head, req.keep_alive(), req.version() < 11};
  exchange ex(*this);
  const response res = co_await call_handler(ex, req);
  if (refusal_ && !framing_.in_pieces && !ex.abandoned_ && !closed_) {
    co_await refuse();
    co_return false;
  }
  if (refusal_ || ex.abandoned_ || closed_) {
    if (note_ && framing_.in_pieces)
      note_->tell(false);
    else if (note_ && ex.cut_)
      note_->tell(res, 0, false);
    else if (note_)
      note_->tell_unsent(res);
    co_return false;
  }
  framing_.keep_alive = framing_.keep_alive && !has_unread_body();
  bool written = false;
  framing_.keep_alive = framing_.keep_alive && !server_->draining(); // it may do so only now
  if (framing_.in_pieces)
    written = co_await write_end();
  else
    written = co_await write(res);
  if (note_ && framing_.in_pieces)
    note_->tell(written);
  if (written && !framing_.keep_alive && (buffer_.size() > 0 || has_unread_body() || transport_.is_secure()))
    co_await linger();
  co_return written&& framing_.keep_alive;
}

bool session::may_keep_alive(const response& res) const {
  return framing_.keep_alive && res.keep_alive() && !server_->draining() && !server_->crowded() &&
         !read_error_;
}

asio::awaitable<response> session::call_handler(exchange& ex, request& req) {
  begin_handler(ex);
  response res;
  std::exception_ptr error;
  try {
    res = co_await server_->handler()(std::move(req), ex);
  } catch (...) {
    error = std::current_exception();
  }
  end_handler();
  co_await asio::this_coro::reset_cancellation_state();
  co_await asio::this_coro::throw_if_cancelled(true);
  if (error && framing_.in_pieces)
    break_off(error, ex);
  else if (error)
    res = failed(error, ex);
  co_return res;
}

response session::failed(const std::exception_ptr& error, const exchange& ex) const {
  if ((ex.expired_ || ex.abandoned_) && is_aborted(error))
    return make_error(status::gateway_timeout, "the call took too long");
  server_->log("handler failed: " + describe(error));
  return make_error(status::internal_server_error, "internal error");
}

// Whoever reads the pieces has to see that some are missing.
void session::break_off(const std::exception_ptr& error, const exchange& ex) {
  if (!is_aborted(error))
    server_->log("handler failed: " + describe(error));
  if (!ex.abandoned_)
    reset();
}

asio::awaitable<void> session::refuse() {
  framing_ = {parser_->is_header_done() && parser_->get().method() == verb::head, false, false};
  if (note_ && !note_->has_request())
    note_->set_request(parser_->get());
  waiting_since_.store(0, std::memory_order_relaxed);
  deadline_ = clock::time_point::max();
  release();
  const bool written = co_await write(*refusal_);
  if (written)
    co_await linger();
}

asio::awaitable<bool> session::write(const response& res) {
  framing_.keep_alive = may_keep_alive(res);
  render_head(head_, res, framing_);
  const bool body = has_body(res, framing_);
  const transport::buffers all{asio::buffer(head_), body ? asio::buffer(res.body()) : asio::const_buffer()};
  std::size_t sent = 0;
  auto written = write_now(all, sent);
  if (!written)
    written = co_await write_rest(sent, all);
  if (note_)
    note_->tell(res, body && *written ? res.body().size() : sent - std::min(sent, head_.size()), *written);
  co_return *written;
}

// Nearly every answer fits the socket's buffer, and is then written without leaving the coroutine.
std::optional<bool> session::write_now(const transport::buffers& all, std::size_t& sent) {
  error_code ec;
  sent = transport_.write_some(all, ec);
  if (ec && !retry(ec))
    return false;
  if (sent == asio::buffer_size(all))
    return true;
  return std::nullopt;
}

asio::awaitable<bool> session::write_rest(std::size_t sent, const transport::buffers& all) {
  const auto timeout = server_->limits().write_timeout;
  enter(phase::write, timeout);
  co_return co_await transport_.write_rest(sent, all,
                                           [this, timeout] { set_deadline(clock::now() + timeout); });
}

// Closing a socket with unread input resets the connection, and the caller may lose the answer (RFC
// 9112, 9.6).
asio::awaitable<void> session::linger() {
  enter(phase::linger, server_->limits().linger_timeout);
  bool more = co_await transport_.shut_down();
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
      [this](auto handler) {
        if (phase_ == phase::handler) // elsewhere the timer ends the read
          resume_on_cancel(asio::get_associated_cancellation_slot(handler));
        reader_.park(std::move(handler));
      },
      asio::deferred);
  co_return !closed_ && !timed_out_ && !read_error_;
}

// Whoever waits may be woken for nothing, and looks.
void session::resume_on_cancel(asio::cancellation_slot slot) {
  if (slot.is_connected())
    slot.assign([this](asio::cancellation_type) {
      asio::post(transport_.get_executor(), [self = shared_from_this()] {
        if (self->reader_)
          self->reader_.resume();
      });
    });
}

void session::start_read(std::size_t bytes) {
  if (buffer_.size() == 0 && bytes < buffer_.capacity())
    buffer_ = {};
  reading_ = true;
  transport_.async_read_some(buffer_.prepare(bytes), read_completion(shared_from_this()));
}

void session::on_read(const error_code& ec, std::size_t bytes) {
  reading_ = false;
  read_error_ = ec;
  buffer_.commit(bytes);
  received_.store(received() + bytes, std::memory_order_relaxed);
  if (reader_)
    reader_.resume();
  else if (ec && phase_ == phase::handler)
    abandon();
  else if (ec && phase_ == phase::linger)
    close(); // nobody would hear again of the end that this read has seen
}

void session::enter(phase p, clock::duration timeout) {
  const auto now = clock::now();
  const bool waits = p == phase::idle || p == phase::head || p == phase::linger;
  if (!waits)
    waiting_since_.store(0, std::memory_order_relaxed);
  else if (p != phase::head ||
           waiting_since() == 0) // a head that comes slowly is waited for from before it began
    waiting_since_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  phase_ = p;
  timed_out_ = false;
  set_deadline(now + timeout);
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
    return handler_deadline_passed();
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
  transport_.cancel();
}

void session::close() noexcept {
  closed_ = true;
  timer_.cancel();
  transport_.close();
}

// A caller that does not read would otherwise keep the rest of its answer in the kernel.
void session::reset() noexcept {
  transport_.reset();
  close();
}

} // namespace hotslot::http::detail
