// An HTTP/1.1 server that runs a coroutine for every request.
#ifndef HOTSLOT_HTTP_SERVER_HPP
#define HOTSLOT_HTTP_SERVER_HPP

#include <hotslot/http/access_record.hpp>
#include <hotslot/http/byte_budget.hpp>
#include <hotslot/http/exchange.hpp>
#include <hotslot/http/message.hpp>
#include <hotslot/http/tls.hpp>
#include <hotslot/http/trusted_proxies.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/socket_base.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string_view>

namespace hotslot::http {

namespace detail {
class server_core;
}

/// What a connection may take. Durations are positive.
struct server_limits {
  /// Request line and header fields; more is answered with 431.
  std::uint32_t header_bytes = 16 * 1024;
  /// Request body, decoded; more is answered with 413, before the body is asked for where its length is
  /// stated.
  std::uint64_t body_bytes = 8 * 1024 * 1024;
  /// So much of a body is read before the handler is called, which then reads the rest by `exchange::read`.
  /// By default handlers get whole bodies.
  std::uint64_t whole_body_bytes = std::numeric_limits<std::uint64_t>::max();
  /// From the first byte of a request (of a connection: from its start) to the end of its header. 408.
  std::chrono::milliseconds header_timeout{10'000};
  /// From the end of the header to the end of the body, or of a body in pieces, for each of them. 408.
  std::chrono::milliseconds body_timeout{60'000};
  /// From an answer to the first byte of the next request; then the connection is closed.
  std::chrono::milliseconds idle_timeout{60'000};
  /// For a caller that takes nothing of what it is sent; then the connection is reset.
  std::chrono::milliseconds write_timeout{30'000};
  /// After an error answer, how long to go on reading what the caller still sends, so that it sees the
  /// answer.
  std::chrono::milliseconds linger_timeout{2'000};
  /// With as many open, a connection that comes is let in when one ends. For it those are closed that have
  /// waited longest for a request, or for the rest of one's header, and the next answers close theirs.
  std::size_t max_connections = 16 * 1024;
  /// Of one address, but for those of `proxies` and of unix sockets; more are closed at once. 0: as many as
  /// there may be.
  std::size_t max_connections_per_address = 0;
  /// Of connections that are not let in yet, as the kernel keeps them.
  int backlog = boost::asio::socket_base::max_listen_connections;
};

/// What has become of a server's connections.
struct connection_counts {
  std::uint64_t open = 0;
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;        ///< Closed at once: too many of one address.
  std::uint64_t given_up = 0;       ///< Closed for another, while they waited for a request.
  std::uint64_t bodies_refused = 0; ///< Requests, for which `server_options::bodies` had no room.
  std::uint64_t tls_failed = 0;     ///< Ended before they were secure.
  std::uint64_t received_bytes = 0; ///< Of those that are open, too; without what TLS adds.
  std::uint64_t sent_bytes = 0;
};

/// How a server serves.
struct server_options {
  server_limits limits;
  /// The executor's context is run by one thread only: connections then need no strand of their own.
  bool single_threaded = false;
  /// Fields whose names have a "_" are kept. Else they are taken away before anybody sees them: CGI, and what
  /// follows it, takes "_" for "-", so that X_User could pass for the X-User that a proxy has checked.
  bool underscores_in_headers = false;
  /// Who may say for whom it asks, by X-Forwarded-For and X-Forwarded-Proto, or by Forwarded (RFC 7239). From
  /// others, handlers do not see these fields, nor X-Forwarded-… or X-Real-IP.
  trusted_proxies proxies = {};
  /// An IPv6 address takes no connections of IPv4, for which another server may listen on the same port.
  bool v6_only = false;
  /// What bodies that are being read, or were and are with their handlers, may take together, beyond the
  /// first 4 KB of each. Without room for more, 503. May be shared by servers; null: no bound.
  std::shared_ptr<byte_budget> bodies = {};
  /// TLS with these; null: plain HTTP.
  std::shared_ptr<const tls_credentials> tls = {};
  /// Called with the head of each well-formed request, before its body is asked for. What it returns refuses
  /// the request and closes the connection; it may take fields away that the handler should not see. Called
  /// on any thread that runs the context; what it throws ends the connection. Empty: all are admitted. See
  /// `bearer_tokens`.
  std::function<std::optional<response>(request& head)> admit = {};
  /// Told what nobody else is told: a handler that threw, accept() failing. Called on any thread that runs
  /// the context; must not throw.
  std::function<void(std::string_view)> log = {};
  /// Told once of each request whose head was read or which was answered: by the handler, by `admit`, or by
  /// the server itself, as what is malformed or too large; also where the caller had gone. Called on any
  /// thread that runs the context, for one connection in the order of its requests; must neither block nor
  /// throw. Empty: nothing is kept for it.
  std::function<void(const access_record&)> on_answered = {};
};

/// Answers a request with a final status (200 or above). Runs, and has to go on running, on its connection's
/// executor: cancellation reaches it there. The request and the exchange live until the awaitable completes.
/// An exception becomes 500 and is logged; `operation_aborted` after the exchange's deadline becomes 504.
///
/// A request has one Host, of the form of a URL's authority: to HTTP/1.0 without one it is the server's own
/// address. A target that was a whole URL has become Host and path.
///
/// The server sets Connection, Content-Length, Transfer-Encoding and Date; `Connection: close` in the
/// response closes the connection after it. Fields that would break the message (CR, LF, NUL) are left out.
/// To HEAD, and with 204 and 304, no body is sent; a Content-Length beside an empty body is then kept.
using server_handler = std::function<boost::asio::awaitable<response>(request&&, exchange&)>;

/// An HTTP/1.1 (and 1.0) server on one address.
///
/// Use: construct, `listen` or `adopt`, `start`; later `async_drain`, or `stop` and `async_join`.
///
/// Lifetime: the context outlives the server. Destruction stops it; connections then end as the context runs
/// on, and the handler is kept until the last of them has. Whatever the handler refers to must live until
/// `async_join` or `async_drain` has completed, or the context is gone.
///
/// Thread safety: `drain`, `stop`, `async_drain`, `async_join` and `connections` may be called from any
/// thread at any time; `listen` or `adopt`, and `start`, once each, one after the other.
class server {
 public:
  using executor_type = boost::asio::any_io_executor;
  using endpoint_type = boost::asio::ip::tcp::endpoint;

  /// Precondition: `handler` is not empty.
  server(executor_type executor, server_handler handler, server_options options = {});
  ~server();

  server(const server&) = delete;
  server& operator=(const server&) = delete;

  executor_type get_executor() const noexcept;

  /// Binds and listens, with SO_REUSEADDR; port 0 takes a free one.
  /// Returns the address in use. Throws `system_error`, naming the address.
  endpoint_type listen(const endpoint_type& at);

  /// In place of `listen`: takes over a socket that listens already, of TCP or a unix one, as socket
  /// activation hands it down. Returns its address, which is unspecified for a unix socket. Throws
  /// `system_error`, naming the descriptor, where `fd` is something else, and then leaves it alone.
  endpoint_type adopt(int fd);

  /// Begins to accept. When that fails, as for want of file descriptors, it is tried again every 100 ms.
  /// Precondition: `listen` or `adopt` has succeeded.
  void start();

  /// Accepts no more, closes idle connections, answers running requests with `Connection: close`; what still
  /// runs after `grace` is cut. Returns at once. May be called again: the earlier end counts.
  void drain(std::chrono::steady_clock::duration grace);

  /// Cuts every connection: handlers are cancelled, nothing more is written. Returns at once.
  void stop();

  /// Completes when, after `drain` or `stop`, the last connection has ended and its handler with it.
  /// Resumes on the awaiting coroutine's executor. Every
  /// type of cancellation that the awaiting coroutine lets through throws `operation_aborted`, and leaves the
  /// server as it was.
  boost::asio::awaitable<void> async_join();

  /// `drain`, when it is awaited and not before, and `async_join`. Cancelling it leaves the server draining.
  boost::asio::awaitable<void> async_drain(std::chrono::steady_clock::duration grace);

  /// Connections that are open now.
  std::size_t connections() const;
  connection_counts counts() const;
  /// How many there may be.
  std::size_t max_connections() const noexcept;

 private:
  std::shared_ptr<detail::server_core> core_;
};

} // namespace hotslot::http

#endif
