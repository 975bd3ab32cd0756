// Listening sockets that somebody else has made.
#pragma once

#include <boost/asio/ip/tcp.hpp>

namespace hotslot::http::detail {

/// The protocol of `fd`, which from now on is closed on exec. Throws `system_error`, which says what it is
/// not, where it is no TCP socket that listens.
boost::asio::ip::tcp check_listening(int fd);

} // namespace hotslot::http::detail
