// Sockets that were opened for hotslotd before it was started: sd_listen_fds(3).
#pragma once

#include <vector>

namespace hotslot::daemon {

/// Descriptors for the addresses, in their order, where they were handed down.
struct activated_sockets {
  std::vector<int> listen;
  std::vector<int> admin;
};

/// Takes LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES out of the environment, so to be called before there are
/// threads. The names tell "listen" from "admin"; without either, the first socket is the former and the
/// second the latter, and more cannot be told apart. Throws `std::runtime_error` where it cannot be told what
/// is meant.
activated_sockets take_activated_sockets();

} // namespace hotslot::daemon
