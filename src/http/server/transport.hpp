// The bytes of one connection: plain, or TLS over it.
#pragma once

#include "stream_socket.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/buffers_suffix.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <tuple>

namespace hotslot::http::detail {

/// One read and one write may be under way at a time. Runs on the executor of its socket.
class transport {
 public:
  using socket_type = stream_protocol::socket;
  using buffers = std::array<boost::asio::const_buffer, 3>;

  /// Plain where `tls` is null; it is not needed after this.
  transport(socket_type socket, boost::asio::ssl::context* tls);

  boost::asio::any_io_executor get_executor() { return socket_.get_executor(); }
  bool is_secure() const noexcept { return tls_ != nullptr; }
  /// ADDR:PORT, as in a URL; of a unix socket, localhost.
  std::string local_address() const;

  enum class spoken { tls, something_else, nothing };

  /// Waits for the first byte. Where it begins no handshake, what follows is not secure, and may be
  /// answered. Precondition: is_secure().
  boost::asio::awaitable<spoken> listen_first();
  /// False where it fails. Precondition: is_secure().
  boost::asio::awaitable<bool> handshake();

  template <class Handler>
  void async_read_some(boost::asio::mutable_buffer to, Handler handler) {
    if (tls_)
      tls_->async_read_some(to, std::move(handler));
    else
      socket_.async_read_some(to, std::move(handler));
  }

  /// Writes what the kernel takes at once: of TLS, nothing.
  std::size_t write_some(const buffers& from, boost::system::error_code& ec);
  /// Writes what is behind the first `sent` bytes, and calls `progressed` each time that some of it was
  /// taken. False where that fails.
  template <class Progressed>
  boost::asio::awaitable<bool> write_rest(std::size_t sent, const buffers& from, Progressed progressed);

  /// Says that nothing more will be sent. TLS first waits for the other side to say so, too. False where that
  /// has gone.
  boost::asio::awaitable<bool> shut_down();

  /// Of what was written, how much has been taken; without what TLS adds. From any thread.
  std::uint64_t sent() const noexcept { return sent_.load(std::memory_order_relaxed); }

  /// How much the kernel may keep for a caller that does not read.
  void send_buffer_size(int bytes) noexcept;

  void cancel() noexcept;
  void close() noexcept;
  /// Closes without keeping what was not sent yet.
  void reset() noexcept;

 private:
  void note_sent(std::size_t bytes) noexcept {
    sent_.store(sent_.load(std::memory_order_relaxed) + bytes, std::memory_order_relaxed);
  }

  socket_type socket_;
  std::unique_ptr<boost::asio::ssl::stream<socket_type&>> tls_;
  std::atomic<std::uint64_t> sent_ = 0;
};

template <class Progressed>
boost::asio::awaitable<bool> transport::write_rest(std::size_t sent, const buffers& from,
                                                   Progressed progressed) {
  constexpr auto tuple = boost::asio::as_tuple(boost::asio::deferred);
  boost::beast::buffers_suffix<buffers> rest(from);
  rest.consume(sent);
  boost::system::error_code ec;
  while (!ec && boost::asio::buffer_size(rest) > 0) {
    std::size_t n = 0;
    if (tls_)
      std::tie(ec, n) = co_await tls_->async_write_some(rest, tuple);
    else
      std::tie(ec, n) = co_await socket_.async_write_some(rest, tuple);
    rest.consume(n);
    note_sent(n);
    progressed();
  }
  co_return !ec;
}

} // namespace hotslot::http::detail
