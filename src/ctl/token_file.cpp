#include "token_file.hpp"

#include "failure.hpp"

#include "base/file.hpp"

#include <algorithm>
#include <sstream>
#include <stdexcept>

namespace hotslot::ctl {
namespace {

bool is_plain(char c) { return c > 0x20 && c < 0x7f; }

} // namespace

std::string read_file(const std::filesystem::path& file) {
  try {
    return base::read_file(file);
  } catch (const std::runtime_error& e) {
    throw failure(exit_code::usage, "cannot read " + file.native() + ": " + e.what());
  }
}

std::string read_token(const std::filesystem::path& file) {
  std::istringstream lines(read_file(file));
  for (std::string line; std::getline(lines, line);) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' '))
      line.pop_back();
    if (line.empty() || line.front() == '#')
      continue;
    if (!std::all_of(line.begin(), line.end(), is_plain))
      throw failure(exit_code::usage, file.native() + " has a line that is no token");
    return line;
  }
  throw failure(exit_code::usage, file.native() + " has no token");
}

} // namespace hotslot::ctl
