// What can be told of a start without one.
#pragma once

#include "daemon/config/config.hpp"

#include <string>
#include <vector>

namespace hotslot::daemon {

/// Throws what a start would, of certificates, tokens, unix sockets and log files, and returns what it would
/// warn of, a line each. Nothing is made, written or listened on: neither whether ports are free is known
/// then, nor what isolation there is.
std::vector<std::string> check_start(const config& c);

} // namespace hotslot::daemon
