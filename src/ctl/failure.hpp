// How hotslotctl fails, and with which exit code.
#pragma once

#include <stdexcept>
#include <string>

namespace hotslot::ctl {

enum class exit_code : int {
  done = 0,
  refused = 1,     ///< The server said no, or the call failed.
  usage = 2,       ///< The command line, or a file that it names, cannot be used.
  unreachable = 3, ///< There was no answer, or none that hotslotd would give.
};

/// what() says what failed and where, and may hold texts of others.
class failure : public std::runtime_error {
 public:
  failure(exit_code code, const std::string& what)
    : std::runtime_error(what)
    , code_(code) {}

  exit_code code() const noexcept { return code_; }

 private:
  exit_code code_;
};

} // namespace hotslot::ctl
