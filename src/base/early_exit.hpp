// What a command line may be instead of something to run.
#pragma once

#include <sstream>
#include <string>

namespace hotslot::base {

/// `--help`, `--version` (0), or a command line that makes no sense (2).
struct early_exit {
  int code;
  std::string out; ///< For standard output.
  std::string err; ///< For standard error: names the option.
};

/// CLI11 has a code of its own for each way to fail. Callers want to know one thing.
template <class App, class ParseError>
early_exit leave(const App& app, const ParseError& e) {
  constexpr int usage_error = 2;
  std::ostringstream out;
  std::ostringstream err;
  const int code = app.exit(e, out, err);
  return {code == 0 ? 0 : usage_error, out.str(), err.str()};
}

} // namespace hotslot::base
