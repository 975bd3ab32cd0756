#include "syslog_sender.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/local/datagram_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

namespace hotslot::daemon {
namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::minutes refusal_interval{1}; // between two lines about it

// What the server says is not for anybody; that it has hung up is.
bool is_hung_up(int fd) {
  std::array<char, 512> ignored;
  for (;;) {
    const auto n = ::recv(fd, ignored.data(), ignored.size(), MSG_DONTWAIT);
    if (n <= 0)
      return n == 0 || (errno != EAGAIN && errno != EINTR);
  }
}

} // namespace

syslog_sender::syslog_sender(const asio::any_io_executor& executor, syslog_sender_options options,
                             const logger& log)
  : strand_(asio::make_strand(executor))
  , options_(std::move(options))
  , log_(log)
  , stream_(strand_)
  , tcp_resolver_(strand_)
  , datagrams_(strand_)
  , udp_resolver_(strand_)
  , pause_(strand_)
  , end_(strand_) {}

void syslog_sender::send(std::string message) {
  if (is_tcp())
    message.insert(0, std::to_string(message.size()) + ' ');
  std::unique_lock lock(mutex_);
  if (queued_ + message.size() > options_.queue_bytes) {
    ++lost_;
    const bool first = !std::exchange(overflowing_, true);
    lock.unlock();
    if (first)
      log_.warn("syslog messages are dropped: too many wait", {{"address", options_.address.text}});
    return;
  }
  queued_ += message.size();
  queue_.push_back(std::move(message));
  const bool idle = !std::exchange(running_, true);
  lock.unlock();
  if (idle)
    asio::co_spawn(strand_, run(shared_from_this()), asio::detached);
}

std::uint64_t syslog_sender::lost() const {
  const std::lock_guard lock(mutex_);
  return lost_;
}

void syslog_sender::close() {
  asio::post(strand_, [self = shared_from_this()] {
    self->closing_ = true;
    self->pause_.cancel();
    std::unique_lock lock(self->mutex_);
    const bool running = self->running_;
    lock.unlock();
    if (running)
      self->end_soon();
  });
}

// A message stays the first until it is sent: a connection that breaks in the middle of it has to be given it
// again.
asio::awaitable<void> syslog_sender::run(std::shared_ptr<syslog_sender> self) {
  if (self->closing_)
    self->end_soon();
  while (const auto* message = self->front()) {
    const error_code ec = co_await self->deliver(*message);
    if (!ec) {
      self->sent();
    } else if (ec == asio::error::message_size) {
      self->drop_front();
    } else if (ec == asio::error::connection_refused && self->datagrams_.is_open() && self->is_udp()) {
      self->refused();
    } else {
      self->failed(ec);
      if (self->closing_)
        self->lose_all();
      else
        co_await self->wait_for_next_attempt();
    }
  }
  self->end_.cancel();
}

asio::awaitable<error_code> syslog_sender::deliver(const std::string& message) {
  if (!is_open()) {
    const error_code ec = co_await open();
    if (ec)
      co_return ec;
  }
  const auto bytes = asio::buffer(message);
  if (is_tcp()) {
    const auto [ec, n] = co_await asio::async_write(stream_, bytes, as_result);
    co_return ec;
  }
  const auto [ec, n] = co_await datagrams_.async_send(bytes, as_result);
  co_return ec;
}

bool syslog_sender::is_open() {
  if (!is_tcp())
    return datagrams_.is_open();
  if (stream_.is_open() && is_hung_up(stream_.native_handle()))
    shut();
  return stream_.is_open();
}

asio::awaitable<error_code> syslog_sender::open() {
  switch (options_.address.transport) {
  case syslog_transport::tcp:
    co_return co_await open_tcp();
  case syslog_transport::udp:
    co_return co_await open_udp();
  case syslog_transport::unix_datagram:
    break;
  }
  co_return open_unix();
}

asio::awaitable<error_code> syslog_sender::open_tcp() {
  const auto& a = options_.address;
  const auto [unknown, found] = co_await tcp_resolver_.async_resolve(a.host, a.port, as_result);
  if (unknown)
    co_return unknown;
  if (over_) // which came when the name was known already
    co_return asio::error::operation_aborted;
  auto [ec, at] = co_await asio::async_connect(stream_, found, as_result);
  if (!ec) // and it was not shut since
    stream_.set_option(asio::socket_base::keep_alive(true), ec);
  co_return ec;
}

// Without a word on the network: an address of the right family, which errors of the peer then come to.
asio::awaitable<error_code> syslog_sender::open_udp() {
  const auto& a = options_.address;
  const auto [unknown, found] = co_await udp_resolver_.async_resolve(a.host, a.port, as_result);
  error_code ec = unknown;
  for (const auto& entry : found) {
    datagrams_.close(ec);
    datagrams_.open(entry.endpoint().protocol(), ec);
    if (!ec)
      datagrams_.connect(entry.endpoint(), ec);
    if (!ec)
      co_return ec;
  }
  co_return ec ? ec : asio::error::host_not_found;
}

error_code syslog_sender::open_unix() {
  error_code ec;
  const asio::local::datagram_protocol::endpoint at(options_.address.path);
  datagrams_.open(at.protocol(), ec);
  if (!ec)
    datagrams_.connect(at, ec);
  return ec;
}

asio::awaitable<void> syslog_sender::wait_for_next_attempt() {
  pause_.expires_after(options_.pause);
  co_await pause_.async_wait(as_result);
}

const std::string* syslog_sender::front() {
  const std::lock_guard lock(mutex_);
  running_ = !queue_.empty();
  return running_ ? &queue_.front() : nullptr;
}

void syslog_sender::drop_front() {
  const std::lock_guard lock(mutex_);
  queued_ -= queue_.front().size();
  queue_.pop_front();
  ++lost_;
}

void syslog_sender::sent() {
  std::unique_lock lock(mutex_);
  queued_ -= queue_.front().size();
  queue_.pop_front();
  if (!queue_.empty())
    return;
  overflowing_ = false;
  const auto lost = is_udp() ? 0 : lost_ - std::exchange(told_, lost_);
  lock.unlock();
  if (std::exchange(unreachable_, false) || lost != 0)
    log_.info("syslog server has everything", {{"address", options_.address.text}, {"dropped", lost}});
}

// It was a datagram before this one that was refused. As others may have been without a word, this is no
// reason to wait, nor the next success one to be glad.
void syslog_sender::refused() {
  const auto now = std::chrono::steady_clock::now();
  const bool tell = now >= tell_again_;
  std::unique_lock lock(mutex_);
  ++lost_;
  const auto lost = tell ? lost_ - std::exchange(told_, lost_) : 0;
  lock.unlock();
  if (!tell)
    return;
  tell_again_ = now + refusal_interval;
  log_.warn("syslog server refuses datagrams", {{"address", options_.address.text}, {"dropped", lost}});
}

void syslog_sender::failed(const error_code& ec) {
  shut();
  if (!std::exchange(unreachable_, true))
    log_.warn("syslog server cannot be reached",
              {{"address", options_.address.text}, {"error", ec.message()}});
}

void syslog_sender::lose_all() {
  std::unique_lock lock(mutex_);
  lost_ += queue_.size();
  queue_.clear();
  queued_ = 0;
  overflowing_ = false;
  const auto lost = lost_ - std::exchange(told_, lost_);
  lock.unlock();
  log_.warn("syslog messages are lost", {{"address", options_.address.text}, {"dropped", lost}});
}

void syslog_sender::shut() noexcept {
  error_code ignored;
  stream_.close(ignored);
  datagrams_.close(ignored);
  tcp_resolver_.cancel();
  udp_resolver_.cancel();
}

void syslog_sender::end_soon() {
  end_.expires_after(options_.linger);
  end_.async_wait([self = shared_from_this()](const error_code& ec) {
    if (ec)
      return;
    self->over_ = true;
    self->shut();
  });
}

} // namespace hotslot::daemon
