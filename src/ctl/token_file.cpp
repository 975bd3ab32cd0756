#include "token_file.hpp"

#include "failure.hpp"

#include "base/file.hpp"
#include "base/http_text.hpp"

#include <algorithm>
#include <sstream>
#include <stdexcept>

namespace hotslot::ctl {
namespace {

bool is_plain(char c) { return c > 0x20 && c < 0x7f; }

} // namespace

std::string read_file(const std::filesystem::path& file) {
  try {
    return base::read_file(file, base::without_limit, base::for_ever);
  } catch (const std::runtime_error& e) {
    throw failure(exit_code::usage, "cannot read " + file.native() + ": " + e.what());
  }
}

std::string read_token(const std::filesystem::path& file) {
  std::istringstream lines(read_file(file));
  for (std::string line; std::getline(lines, line);) {
    const auto words = base::trimmed(line);
    if (words.empty() || words.starts_with('#'))
      continue;
    const auto token = words.substr(0, words.find_first_of(" \t"));
    const auto rights = base::trimmed(words.substr(token.size()));
    if (!std::all_of(token.begin(), token.end(), is_plain) || !(rights.empty() || rights == "read"))
      throw failure(exit_code::usage, file.native() + " has a line that is no token");
    return std::string(token);
  }
  throw failure(exit_code::usage, file.native() + " has no token");
}

} // namespace hotslot::ctl
