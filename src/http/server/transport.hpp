// The bytes of one connection: TCP, or TLS over it.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <array>
#include <memory>

namespace hotslot::http::detail {

/// One read and one write may be under way at a time. Runs on the executor of its socket.
class transport {
 public:
  using tcp = boost::asio::ip::tcp;
  using buffers = std::array<boost::asio::const_buffer, 3>;

  /// Plain where `tls` is null; it is not needed after this.
  transport(tcp::socket socket, boost::asio::ssl::context* tls);

  boost::asio::any_io_executor get_executor() { return socket_.get_executor(); }
  bool is_secure() const noexcept { return tls_ != nullptr; }

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
  /// Writes what is behind the first `sent` bytes. False where that fails.
  boost::asio::awaitable<bool> write_rest(std::size_t sent, const buffers& from);

  /// Says that nothing more will be sent. TLS first waits for the other side to say so, too.
  boost::asio::awaitable<void> shut_down();

  /// How much the kernel may keep for a caller that does not read.
  void send_buffer_size(int bytes) noexcept;

  void cancel() noexcept;
  void close() noexcept;
  /// Closes without keeping what was not sent yet.
  void reset() noexcept;

 private:
  tcp::socket socket_;
  std::unique_ptr<boost::asio::ssl::stream<tcp::socket&>> tls_;
};

} // namespace hotslot::http::detail
