// Sockets of connections: of TCP, or unix sockets.
#pragma once

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <sys/socket.h>

#include <cstring>

namespace hotslot::http::detail {

using stream_protocol = boost::asio::generic::stream_protocol;
using stream_acceptor = boost::asio::basic_socket_acceptor<stream_protocol>;

/// Of a unix socket: unspecified, port 0.
inline boost::asio::ip::tcp::endpoint tcp_endpoint_of(const stream_protocol::endpoint& e) {
  boost::asio::ip::tcp::endpoint out;
  const auto family = e.protocol().family();
  if (family == AF_INET || family == AF_INET6) {
    std::memcpy(out.data(), e.data(), e.size());
    out.resize(e.size());
  }
  return out;
}

} // namespace hotslot::http::detail
