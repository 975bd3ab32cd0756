// Who asks, and how: as the connection says, or a proxy that may.
#pragma once

#include <hotslot/http/message.hpp>
#include <hotslot/http/trusted_proxies.hpp>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <string_view>

namespace hotslot::http::detail {

struct request_origin {
  boost::asio::ip::address client;
  bool secure = false;   ///< The client asked by https.
  bool by_proxy = false; ///< By one that is trusted.
};

/// Of a request that came from `peer`. Where that is a proxy that is trusted, X-Forwarded-For and
/// X-Forwarded-Proto count, or Forwarded (RFC 7239) where neither of them is there: from the last entry back
/// to the first that no proxy of ours has added.
request_origin origin_of(const request& head, const trusted_proxies& trusted,
                         const boost::asio::ip::address& peer, bool secure);

/// One of version 4 that came by a socket of version 6, as ::ffff:192.0.2.1, is 192.0.2.1.
boost::asio::ip::address as_it_is_known(const boost::asio::ip::address& a);
boost::asio::ip::tcp::endpoint as_it_is_known(const boost::asio::ip::tcp::endpoint& e);

/// Whether proxies say for whom they ask by a field of that name.
bool is_forwarding(std::string_view name) noexcept;

} // namespace hotslot::http::detail
