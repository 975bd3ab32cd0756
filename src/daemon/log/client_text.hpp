// Who has called, for people.
#pragma once

#include <boost/asio/ip/address.hpp>

#include <string>

namespace hotslot::daemon {

/// A caller by a unix socket has no address.
inline std::string client_text(const boost::asio::ip::address& client) {
  return client.is_unspecified() ? "unix:" : client.to_string();
}

} // namespace hotslot::daemon
