// The command line of hotslotd.
#pragma once

#include "base/early_exit.hpp"
#include "daemon/config/endpoint.hpp"
#include "daemon/log/log.hpp"

#include <filesystem>
#include <variant>
#include <vector>

namespace hotslot::daemon {

struct options {
  std::filesystem::path config_file;
  std::vector<endpoint> listen; ///< In place of the configuration's, where there are some.
  std::vector<endpoint> admin;
  std::size_t threads = 0; ///< Zero: as many as the machine has processors.
  log_level level = log_level::info;
  bool check_config = false; ///< Read the configuration, tell what is wrong with it, and end.
};

using base::early_exit;

std::variant<options, early_exit> parse_options(int argc, const char* const* argv);

} // namespace hotslot::daemon
