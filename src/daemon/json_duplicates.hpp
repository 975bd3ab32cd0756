// Finds the members that a JSON text repeats, which its parsed value no longer shows.
#ifndef HOTSLOT_DAEMON_JSON_DUPLICATES_HPP
#define HOTSLOT_DAEMON_JSON_DUPLICATES_HPP

#include <string>
#include <string_view>
#include <vector>

namespace hotslot::daemon {

/// JSON pointers of the members that appear again in their object, one for each repetition.
/// What follows a syntax error is not looked at.
std::vector<std::string> json_duplicates(std::string_view text);

} // namespace hotslot::daemon

#endif
