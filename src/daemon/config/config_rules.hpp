// What the texts of a configuration may be, and what may not be there twice.
#pragma once

#include "config.hpp"

namespace hotslot::daemon {

/// Answers what is wrong with a text, or nothing.
using rule = std::optional<std::string> (*)(std::string_view);

/// Of an app, a function, an id: one segment of a URL's path.
std::optional<std::string> check_name(std::string_view text);

/// A path below `/t/{app}`.
std::optional<std::string> check_trigger(std::string_view text);

/// The name of an environment variable that the server does not set itself.
std::optional<std::string> check_variable(std::string_view text);

/// Functions of one name, one trigger or one id. `pointer` is that of the list. Empty texts are not compared:
/// they were refused already.
void refuse_repeated(const std::vector<function_config>& functions, const std::string& pointer,
                     json_problems& problems);

/// An address that is to be served twice.
void refuse_shared_addresses(const config& c, json_problems& problems);

/// Two logs that go to one file but would rotate it differently.
void refuse_disagreeing_files(const config& c, json_problems& problems);

} // namespace hotslot::daemon
