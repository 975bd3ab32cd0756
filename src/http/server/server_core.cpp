#include "server_core.hpp"

#include "forwarding.hpp"
#include "inherited_socket.hpp"
#include "session.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/channel_error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <poll.h>

#include <algorithm>
#include <cassert>
#include <sstream>

namespace hotslot::http::detail {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::chrono::milliseconds accept_backoff{100};
constexpr std::chrono::milliseconds crowded_backoff{20};
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
    acceptor_.set_option(stream_acceptor::reuse_address(true));
    if (options_.v6_only && at.address().is_v6())
      acceptor_.set_option(asio::ip::v6_only(true));
    acceptor_.bind(at);
    acceptor_.listen(options_.limits.backlog);
    return tcp_endpoint_of(acceptor_.local_endpoint());
  } catch (const boost::system::system_error& e) {
    error_code ignored;
    acceptor_.close(ignored);
    std::ostringstream where;
    where << "cannot listen on " << at;
    throw boost::system::system_error(error_code(e.code().value(), e.code().category()), where.str());
  }
}

server_core::tcp::endpoint server_core::adopt(int fd) {
  acceptor_.assign(check_listening(fd), fd);
  return tcp_endpoint_of(acceptor_.local_endpoint());
}

void server_core::start() {
  assert(acceptor_.is_open());
  asio::post(executor_, [self = shared_from_this()] { self->accept(); });
}

asio::any_io_executor server_core::session_executor() const {
  return options_.single_threaded ? context_executor_ : strand_of(context_executor_);
}

void server_core::accept() {
  switch (claim_accept()) {
  case next::nothing:
    return;
  case next::wait_for_caller:
    return wait_for_caller();
  case next::accept:
    acceptor_.async_accept(session_executor(), peer_,
                           [self = shared_from_this()](const error_code& ec, stream_protocol::socket socket) {
                             self->on_accept(ec, std::move(socket));
                           });
  }
}

server_core::next server_core::claim_accept() {
  const std::lock_guard lock(mutex_);
  if (down_ || accepting_)
    return next::nothing;
  accepting_ = true;
  return sessions_.size() < options_.limits.max_connections ? next::accept : next::wait_for_caller;
}

// As long as nobody else comes, idle connections may stay.
void server_core::wait_for_caller() {
  acceptor_.async_wait(stream_acceptor::wait_read, [self = shared_from_this()](const error_code& ec) {
    if (!ec)
      self->make_room();
    self->accept_ended();
    if (self->crowded())
      self->look_again();
    else
      self->accept();
  });
}

// Who had not come to wait yet, when it was looked who does, may do so now, and say nothing for long.
void server_core::look_again() {
  backoff_.expires_after(crowded_backoff);
  backoff_.async_wait([self = shared_from_this()](const error_code& ec) {
    if (ec || !self->crowded())
      return;
    self->make_room();
    self->look_again();
  });
}

// A wait may end without cause.
void server_core::make_room() {
  pollfd caller{.fd = acceptor_.native_handle(), .events = POLLIN, .revents = 0};
  if (::poll(&caller, 1, 0) <= 0)
    return;
  constexpr std::size_t part_at_a_time = 64; // each look goes through all of them
  std::unique_lock lock(mutex_);
  if (down_ || sessions_.size() < options_.limits.max_connections)
    return;
  crowded_.store(true, std::memory_order_relaxed);
  const auto longest =
      sessions_.longest_waiting(std::max<std::size_t>(1, options_.limits.max_connections / part_at_a_time));
  lock.unlock();
  for (const auto& one : longest)
    one.who->give_up(one.since);
}

void server_core::on_accept(const error_code& ec, stream_protocol::socket socket) {
  const auto peer = as_it_is_known(tcp_endpoint_of(peer_));
  if (!ec && !draining() && may_enter(peer)) {
    const auto s = std::make_shared<session>(shared_from_this(), std::move(socket), peer);
    enter(*s);
    s->start();
  }
  if (worth_waiting(ec) && !draining())
    return accept_later(ec);
  starved_ = false;
  accept_ended();
  accept();
}

bool server_core::counts_by_address(const tcp::endpoint& peer) const {
  return options_.limits.max_connections_per_address != 0 && peer.port() != 0 &&
         !proxies().has(peer.address());
}

bool server_core::may_enter(const tcp::endpoint& peer) {
  const std::lock_guard lock(mutex_);
  ++accepted_;
  const bool may = !counts_by_address(peer) ||
                   sessions_.of_address(peer.address()) < options_.limits.max_connections_per_address;
  refused_ += may ? 0 : 1;
  return may;
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
  sessions_.add(s, counts_by_address(s.remote_endpoint()));
}

void server_core::leave(session& s) noexcept {
  std::unique_lock lock(mutex_);
  sessions_.remove(s);
  ended_.add(s);
  const bool last = finished_now();
  const bool room = crowded_.exchange(false, std::memory_order_relaxed);
  lock.unlock();
  if (last)
    finish();
  else if (room)
    asio::post(executor_, [self = shared_from_this()] { self->accept(); });
}

connection_counts server_core::counts() const {
  const std::lock_guard lock(mutex_);
  const traffic all = sessions_.traffic_with(ended_);
  return {.open = sessions_.size(),
          .accepted = accepted_,
          .refused = refused_,
          .given_up = given_up_.load(std::memory_order_relaxed),
          .bodies_refused = bodies_refused_.load(std::memory_order_relaxed),
          .tls_failed = tls_failed_.load(std::memory_order_relaxed),
          .received_bytes = all.received,
          .sent_bytes = all.sent};
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
  const auto live = sessions_.live();
  lock.unlock();
  error_code ignored;
  acceptor_.close(ignored);
  backoff_.cancel();
  for (const auto& s : live)
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
  std::unique_lock lock(mutex_);
  const auto live = sessions_.live();
  lock.unlock();
  for (const auto& s : live)
    s->cut();
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

// Begun at the call, the drain could end all work of the context before the wait for it is spawned there.
asio::awaitable<void> server_core::drain_and_join(std::shared_ptr<server_core> core, clock::duration grace) {
  core->drain(grace);
  co_await join(std::move(core));
}

} // namespace hotslot::http::detail
