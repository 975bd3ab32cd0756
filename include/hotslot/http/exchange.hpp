// What a handler knows about the call that it answers, beside the request.
#ifndef HOTSLOT_HTTP_EXCHANGE_HPP
#define HOTSLOT_HTTP_EXCHANGE_HPP

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>

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

  const boost::asio::ip::tcp::endpoint& remote_endpoint() const noexcept;

  /// The executor that the handler runs on.
  boost::asio::any_io_executor get_executor() const;

 private:
  friend class detail::session;
  explicit exchange(detail::session& session) noexcept
    : session_(session) {}

  detail::session& session_;
  bool expired_ = false;
  bool abandoned_ = false;
};

} // namespace hotslot::http

#endif
