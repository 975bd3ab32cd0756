#include "server_core.hpp"

#include "inherited_socket.hpp"
#include "session.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/channel_error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cassert>
#include <sstream>

namespace hotslot::http::detail {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::chrono::milliseconds accept_backoff{100};
constexpr std::chrono::hours longest_grace{24 * 365};

// A strand around the plain executor is cheaper than one around the type-erased.
asio::any_io_executor strand_of(const asio::any_io_executor& ex) {
  if (const auto* plain = ex.target<asio::io_context::executor_type>())
    return asio::make_strand(*plain);
  return asio::make_strand(ex);
}

// Short of descriptors or memory, or broken: accept() would fail again at once, and for as long as that
// lasts.
bool worth_waiting(const error_code& ec) {
  return ec && ec != asio::error::operation_aborted && ec != asio::error::connection_aborted;
}

} // namespace

server_core::server_core(asio::any_io_executor executor, server_handler handler, server_options options)
  : context_executor_(std::move(executor))
  , executor_(options.single_threaded ? context_executor_ : strand_of(context_executor_))
  , handler_(std::move(handler))
  , options_(std::move(options))
  , acceptor_(executor_)
  , backoff_(executor_)
  , grace_(executor_)
  , finished_signal_(context_executor_) {
  assert(handler_);
}

server_core::~server_core() { assert(sessions_.empty()); }

void server_core::log(std::string_view message) const {
  if (options_.log)
    options_.log(message);
}

std::optional<response> server_core::admit(request& head) const {
  return options_.admit ? options_.admit(head) : std::nullopt;
}

std::shared_ptr<asio::ssl::context> server_core::tls() const {
  return options_.tls ? options_.tls->current() : nullptr;
}

server_core::tcp::endpoint server_core::listen(const tcp::endpoint& at) {
  try {
    acceptor_.open(at.protocol());
    acceptor_.set_option(tcp::acceptor::reuse_address(true));
    acceptor_.bind(at);
    acceptor_.listen();
    return acceptor_.local_endpoint();
  } catch (const boost::system::system_error& e) {
    error_code ignored;
    acceptor_.close(ignored);
    std::ostringstream where;
    where << "cannot listen on " << at;
    throw boost::system::system_error(e.code(), where.str());
  }
}

server_core::tcp::endpoint server_core::adopt(int fd) {
  acceptor_.assign(check_listening(fd), fd);
  return acceptor_.local_endpoint();
}

void server_core::start() {
  assert(acceptor_.is_open());
  asio::post(executor_, [self = shared_from_this()] { self->accept(); });
}

asio::any_io_executor server_core::session_executor() const {
  return options_.single_threaded ? context_executor_ : strand_of(context_executor_);
}

void server_core::accept() {
  if (claim_accept())
    acceptor_.async_accept(session_executor(), peer_,
                           [self = shared_from_this()](const error_code& ec, tcp::socket socket) {
                             self->on_accept(ec, std::move(socket));
                           });
}

bool server_core::claim_accept() {
  const std::lock_guard lock(mutex_);
  if (down_ || accepting_)
    return false;
  waiting_for_room_ = sessions_.size() >= options_.limits.max_connections;
  accepting_ = !waiting_for_room_;
  return accepting_;
}

void server_core::on_accept(const error_code& ec, tcp::socket socket) {
  if (!ec && !draining()) {
    const auto s = std::make_shared<session>(shared_from_this(), std::move(socket), peer_);
    enter(*s);
    s->start();
  }
  if (worth_waiting(ec) && !draining())
    return accept_later(ec);
  starved_ = false;
  accept_ended();
  accept();
}

void server_core::accept_later(const error_code& ec) {
  if (!std::exchange(starved_, true))
    log("cannot accept connections, trying again: " + ec.message());
  backoff_.expires_after(accept_backoff);
  backoff_.async_wait([self = shared_from_this()](const error_code&) {
    self->accept_ended();
    self->accept();
  });
}

void server_core::accept_ended() {
  std::unique_lock lock(mutex_);
  accepting_ = false;
  const bool last = finished_now();
  lock.unlock();
  if (last)
    finish();
}

void server_core::enter(session& s) {
  const std::lock_guard lock(mutex_);
  sessions_.push_back(s);
}

void server_core::leave(session& s) noexcept {
  std::unique_lock lock(mutex_);
  sessions_.erase(sessions_.iterator_to(s));
  const bool last = finished_now();
  const bool room = std::exchange(waiting_for_room_, false);
  lock.unlock();
  if (last)
    finish();
  else if (room)
    asio::post(executor_, [self = shared_from_this()] { self->accept(); });
}

std::size_t server_core::connections() const {
  const std::lock_guard lock(mutex_);
  return sessions_.size();
}

void server_core::drain(clock::duration grace) {
  draining_.store(true, std::memory_order_release);
  const auto end = clock::now() + std::min<clock::duration>(grace, longest_grace);
  asio::post(executor_, [self = shared_from_this(), end] {
    self->begin_drain();
    self->cut_at(end);
  });
}

void server_core::stop() {
  draining_.store(true, std::memory_order_release);
  asio::post(executor_, [self = shared_from_this()] {
    self->begin_drain();
    self->cut_all();
  });
}

void server_core::begin_drain() {
  std::unique_lock lock(mutex_);
  if (std::exchange(down_, true))
    return;
  const bool last = finished_now();
  lock.unlock();
  error_code ignored;
  acceptor_.close(ignored);
  backoff_.cancel();
  for (const auto& s : live_sessions())
    s->drain();
  if (last)
    finish();
}

void server_core::cut_at(clock::time_point when) {
  if (when >= cut_time_)
    return;
  cut_time_ = when;
  const std::lock_guard lock(mutex_);
  if (finished_)
    return;
  grace_.expires_at(when);
  grace_.async_wait([self = shared_from_this()](const error_code& ec) {
    if (!ec)
      self->cut_all();
  });
}

void server_core::cut_all() {
  for (const auto& s : live_sessions())
    s->cut();
}

// A session that is being destroyed is still listed, and left out.
std::vector<std::shared_ptr<session>> server_core::live_sessions() {
  std::vector<std::shared_ptr<session>> live;
  const std::lock_guard lock(mutex_);
  live.reserve(sessions_.size());
  for (auto& s : sessions_)
    if (auto alive = s.weak_from_this().lock())
      live.push_back(std::move(alive));
  return live;
}

bool server_core::finished_now() {
  if (!down_ || accepting_ || !sessions_.empty())
    return false;
  return !std::exchange(finished_, true);
}

void server_core::finish() {
  finished_signal_.close();
  asio::post(executor_, [self = shared_from_this()] { self->grace_.cancel(); });
}

asio::awaitable<void> server_core::join(std::shared_ptr<server_core> core) {
  auto [ec] = co_await core->finished_signal_.async_receive(asio::as_tuple(asio::use_awaitable));
  if (ec != asio::experimental::error::channel_closed)
    throw boost::system::system_error(asio::error::operation_aborted);
}

} // namespace hotslot::http::detail
