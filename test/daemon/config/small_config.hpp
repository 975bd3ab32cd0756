// The smallest configuration, with more members put in, and what is wrong with it then.
#ifndef HOTSLOT_TEST_DAEMON_CONFIG_SMALL_CONFIG_HPP
#define HOTSLOT_TEST_DAEMON_CONFIG_SMALL_CONFIG_HPP

#include "catch.hpp"
#include "daemon/config/config.hpp"

#include <string>

inline constexpr const char* config_file = "/etc/hotslot/hotslot.json";

/// One function; `members` are its own, `top` those of the configuration.
inline std::string with(const std::string& members, const std::string& top = "") {
  return "{" + top + R"("functions": [{"app": "a", "name": "f", "command": ["c"])" + members + "}]}";
}

inline hotslot::daemon::config read(const std::string& members, const std::string& top = "") {
  return hotslot::daemon::parse_config(with(members, top), config_file);
}

inline std::string problem_of(const std::string& members, const std::string& top = "") {
  try {
    read(members, top);
  } catch (const hotslot::daemon::config_error& e) {
    REQUIRE(e.problems().size() == 1);
    return e.problems().front().pointer + ": " + e.problems().front().message;
  }
  return "none";
}

#endif
