// Listening sockets that somebody else has made.
#pragma once

#include "stream_socket.hpp"

namespace hotslot::http::detail {

/// The protocol of `fd`, which from now on is closed on exec. Throws `system_error`, which says what it is
/// not, where it is no socket of TCP, nor a unix one for streams, that listens.
stream_protocol check_listening(int fd);

} // namespace hotslot::http::detail
