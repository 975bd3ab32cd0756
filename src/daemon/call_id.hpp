// Ids of calls.
#ifndef HOTSLOT_DAEMON_CALL_ID_HPP
#define HOTSLOT_DAEMON_CALL_ID_HPP

#include <string>

namespace hotslot::daemon {

/// 26 hexadecimal digits, as long as Fn's: 16 drawn when the process starts, and a count of the calls since.
/// Thread safe.
std::string make_call_id();

} // namespace hotslot::daemon

#endif
