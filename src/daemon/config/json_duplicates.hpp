// Finds the members that a JSON text repeats, which its parsed value no longer shows.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hotslot::daemon {

/// JSON pointers of the members that appear again in their object, one for each repetition.
/// What follows a syntax error is not looked at.
std::vector<std::string> json_duplicates(std::string_view text);

} // namespace hotslot::daemon
