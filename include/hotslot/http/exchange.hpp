// What a handler knows about the call that it answers, beside the request.
#ifndef HOTSLOT_HTTP_EXCHANGE_HPP
#define HOTSLOT_HTTP_EXCHANGE_HPP

#include <hotslot/http/message.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace hotslot::http {

namespace detail {
class session;
}

/// The context of one request: its deadline, and whether the caller is still there.
///
/// Lifetime: from the call of the handler until the handler's awaitable completes.
///
/// Cancellation: when the deadline passes, the caller goes away, or the server is stopped, the operation that
/// the handler awaits is cancelled with `cancellation_type::terminal`; one that had already succeeded keeps
/// its result, and the handler's next `co_await` throws `operation_aborted` instead. A handler that catches
/// it may return a response at once; to await something first it says `co_await
/// this_coro::reset_cancellation_state()`. The server resets the state of its own accord before it writes. A
/// handler whose awaited operations ignore cancellation runs on.
///
/// Thread safety: none; to be used from the handler's coroutine, on the executor that the handler started on.
class exchange {
 public:
  exchange(const exchange&) = delete;
  exchange& operator=(const exchange&) = delete;

  /// Sets the handler's deadline, in place of an earlier one, passed or not; one in the past takes effect
  /// when the handler next suspends. Costs no timer operation unless it comes before all that the session's
  /// timer is armed for.
  void expires_at(std::chrono::steady_clock::time_point deadline);

  /// `expires_at` this long from now.
  void expires_after(std::chrono::steady_clock::duration timeout);

  /// Whether the deadline has passed. If the handler then throws `operation_aborted`, the answer is 504.
  bool expired() const noexcept { return expired_; }

  /// Whether the caller has gone, or the server was stopped: nobody will read the answer. Noticed while the
  /// handler waits, unless the caller has already sent the beginning of its next request. A caller that shuts
  /// its sending direction down counts as gone.
  bool abandoned() const noexcept { return abandoned_; }

  /// Of one that is abandoned: whether the server was stopped, rather than the caller gone.
  bool cut() const noexcept { return cut_; }

  /// With what the server refuses the caller, for what it sends while it is read. See `read`.
  std::optional<status> refused() const noexcept;

  /// Who is at the other end of the connection: of a unix socket, an unspecified address with port 0.
  const boost::asio::ip::tcp::endpoint& remote_endpoint() const noexcept;

  /// Who asks, and by which scheme, "http" or "https": the other end of the connection, unless that is one of
  /// `server_options::proxies`, which says so.
  const boost::asio::ip::address& client_address() const noexcept;
  std::string_view scheme() const noexcept;

  /// Whether more of the request's body is to come than the handler was given.
  bool has_more() const noexcept;

  /// Puts the next piece of the request's body into `piece`: at most 64 KB, nothing at its end. The caller is
  /// asked for it
  /// ("100 Continue") only now, and held up as long as nobody reads. What is left unread closes the
  /// connection.
  ///
  /// Precondition: has_more(), and no other `read` is under way; a `write` may be. Throws `operation_aborted`
  /// where the caller has gone, or is refused for what it sends: too much, too late, or malformed; the server
  /// answers that by itself, whatever the handler does, unless the handler has begun an answer. Cancellation:
  /// terminal.
  boost::asio::awaitable<void> read(std::string& piece);

  /// Begins an answer whose body follows by `write`, and sends its head; the body of `head` is not looked at.
  /// With a Content-Length in `head`, so much has to be written; else the body goes in chunks, to HTTP/1.0
  /// until the connection ends. What the handler returns then is not sent but ends the answer; what it throws
  /// breaks the connection off, so that the caller notices.
  ///
  /// Precondition: not called before. `head` lives until the awaitable completes. Throws `operation_aborted`
  /// where nobody is there to read any more; see `write`.
  boost::asio::awaitable<void> begin(const response& head);

  /// Sends a piece of the body, and completes when the kernel has all of it: a slow caller holds the handler
  /// up. Costs no suspension where the kernel takes it at once. An empty piece, or one to HEAD, sends
  /// nothing.
  ///
  /// Precondition: `begin` has completed, and no other `write` is under way. `piece` lives until the
  /// awaitable completes. Throws `operation_aborted` where the caller has gone, or did not take the piece
  /// within `server_limits::write_timeout` and before the deadline of this exchange.
  boost::asio::awaitable<void> write(std::string_view piece);

  /// Whether the server drains: an answer without an end should end now.
  bool closing() const noexcept;

  /// Completes at `when`, or as soon as the server begins to drain: for the time between the pieces of an
  /// answer without an end. Precondition: no other `wait_until` is under way. Cancellation: terminal.
  boost::asio::awaitable<void> wait_until(std::chrono::steady_clock::time_point when);

  /// How much the kernel may keep for a caller that does not read (SO_SNDBUF).
  void send_buffer_size(int bytes) noexcept;

  /// The executor that the handler runs on.
  boost::asio::any_io_executor get_executor() const;

 private:
  friend class detail::session;
  explicit exchange(detail::session& session) noexcept
    : session_(session) {}

  detail::session& session_;
  bool expired_ = false;
  bool abandoned_ = false;
  bool cut_ = false;
};

} // namespace hotslot::http

#endif
