// The command line of hotslotctl.
#pragma once

#include "address.hpp"

#include "base/early_exit.hpp"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace hotslot::ctl {

enum class command { list, stats, watch, call, drain, recycle, reload };

struct options {
  command what = command::list;
  admin_address admin;
  std::filesystem::path token_file; ///< Empty, as those that follow: none.
  std::filesystem::path authority;
  std::filesystem::path certificate;
  std::filesystem::path key;
  /// Nothing: as the command has it.
  std::optional<std::chrono::milliseconds> timeout = {};
  bool json = false;

  std::string function; ///< APP/FN, or an id; may be empty for `stats`.
  std::string by;       ///< The order of functions, as the server calls it; empty: as the command has it.
  std::string match;    ///< A text that they have; empty: any.
  std::chrono::milliseconds interval{1000};
  std::string data; ///< The body of a call, or @ and a file's name.
  std::vector<std::pair<std::string, std::string>> headers;
  bool include = false; ///< Show the head of the reply.
};

using base::early_exit;

std::variant<options, early_exit> parse_options(int argc, const char* const* argv);

} // namespace hotslot::ctl
