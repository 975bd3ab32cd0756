// The command line of hotslotd.
#ifndef HOTSLOT_DAEMON_OPTIONS_HPP
#define HOTSLOT_DAEMON_OPTIONS_HPP

#include "endpoint.hpp"
#include "log.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <variant>

namespace hotslot::daemon {

struct options {
  std::filesystem::path config_file;
  std::optional<endpoint> listen; ///< Before the configuration's.
  std::optional<endpoint> admin;
  std::size_t threads = 0; ///< Zero: as many as the machine has processors.
  log_level level = log_level::info;
  bool check_config = false; ///< Read the configuration, tell what is wrong with it, and end.
};

/// There is nothing to run: `--help`, `--version` (0), or a command line that makes no sense (2).
struct early_exit {
  int code;
  std::string out; ///< For standard output.
  std::string err; ///< For standard error: names the option.
};

std::variant<options, early_exit> parse_options(int argc, const char* const* argv);

} // namespace hotslot::daemon

#endif
