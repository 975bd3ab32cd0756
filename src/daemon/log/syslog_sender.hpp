// Sends messages to a syslog server, without ever holding up whoever has something to say.
#pragma once

#include "daemon/config/log_target.hpp"
#include "log.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/datagram_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>

namespace hotslot::daemon {

namespace asio = boost::asio;
using boost::system::error_code;

struct syslog_sender_options {
  syslog_address address;
  std::size_t queue_bytes = 1u << 20;     ///< More waits for nobody.
  std::chrono::milliseconds pause{1000};  ///< Between two attempts to reach the server.
  std::chrono::milliseconds linger{2000}; ///< After `close`, for what is still to be sent.
};

/// One message a datagram (RFC 5426, and as syslogd reads /dev/log), or over TCP with its length in front
/// (RFC 6587, 3.4.1). Messages wait in a queue of bounded size; what finds it full is lost, and counted. A
/// server that cannot be reached is tried again after a pause; what TCP had taken before it broke down may be
/// lost without notice, as the protocol has no acknowledgement.
///
/// The log is told when the server cannot be reached and when messages begin to get lost, and how many were,
/// once all that waited is sent.
///
/// Thread safety: all of it. Lifetime: the executor's context outlives it, and `log`; while it has something
/// to send, it keeps itself.
class syslog_sender : public std::enable_shared_from_this<syslog_sender> {
 public:
  syslog_sender(const asio::any_io_executor& executor, syslog_sender_options options, const logger& log);

  /// Takes the message, or loses it. Neither blocks nor waits.
  void send(std::string message);

  std::uint64_t lost() const;

  /// From now on tries but once, and no longer than `linger`: the context can end.
  void close();

 private:
  using tcp = asio::ip::tcp;
  using udp = asio::ip::udp;

  static asio::awaitable<void> run(std::shared_ptr<syslog_sender> self);
  asio::awaitable<error_code> deliver(const std::string& message);
  asio::awaitable<error_code> open();
  asio::awaitable<error_code> open_tcp();
  asio::awaitable<error_code> open_udp();
  error_code open_unix();
  asio::awaitable<void> wait_for_next_attempt();

  const std::string* front();
  void drop_front();
  void sent();
  void refused();
  void failed(const error_code& ec);
  void lose_all();
  bool is_open();
  bool is_tcp() const noexcept { return options_.address.transport == syslog_transport::tcp; }
  bool is_udp() const noexcept { return options_.address.transport == syslog_transport::udp; }
  void shut() noexcept;
  void end_soon();

  const asio::strand<asio::any_io_executor> strand_;
  const syslog_sender_options options_;
  const logger& log_;

  // On the strand
  tcp::socket stream_;
  tcp::resolver tcp_resolver_;
  asio::generic::datagram_protocol::socket datagrams_;
  udp::resolver udp_resolver_;
  asio::steady_timer pause_;
  asio::steady_timer end_;
  bool unreachable_ = false;
  std::chrono::steady_clock::time_point tell_again_{};
  bool over_ = false; ///< Nothing is opened any more.
  bool closing_ = false;

  mutable std::mutex mutex_;
  std::deque<std::string> queue_;
  std::size_t queued_ = 0; ///< Bytes.
  bool running_ = false;
  std::uint64_t lost_ = 0;
  std::uint64_t told_ = 0; ///< Of them.
  bool overflowing_ = false;
};

} // namespace hotslot::daemon
