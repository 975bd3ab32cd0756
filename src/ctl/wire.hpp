// The connection to a server: TCP, TLS over it, or a unix socket.
#pragma once

#include "address.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace hotslot::ctl {

/// One operation at a time. Not a template, so that what is spoken over it is compiled once.
class wire {
 public:
  /// `tls` outlives it.
  wire(const boost::asio::any_io_executor& executor, const admin_address& to, boost::asio::ssl::context& tls);

  /// For what is begun from now on; zero is no limit. What comes too late ends with `beast::error::timeout`.
  void limit(std::chrono::milliseconds patience);

  /// Throws `system_error`, or a `failure` (unreachable) that says why the certificate is not to be trusted.
  boost::asio::awaitable<void> connect();

  boost::asio::awaitable<boost::system::error_code> write(std::string_view text);
  boost::asio::awaitable<std::pair<boost::system::error_code, std::size_t>>
  read_some(boost::asio::mutable_buffer to);

 private:
  boost::asio::awaitable<void> connect_to_socket();
  boost::asio::awaitable<void> shake_hands();

  const admin_address& to_;
  std::chrono::milliseconds patience_{}; ///< For a look-up of the name, which the stream does not see.
  boost::asio::ssl::stream<boost::beast::basic_stream<boost::asio::generic::stream_protocol>> stream_;
};

/// What an error of the wire is told to be.
std::string describe(const boost::system::error_code& ec);

} // namespace hotslot::ctl
