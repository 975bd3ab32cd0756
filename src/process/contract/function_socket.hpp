// Where a function listens.
#pragma once

#include "base/unique_fd.hpp"

#include <filesystem>
#include <string>

namespace hotslot::process::detail {

/// What is found at the place of a worker's socket.
struct socket_finding {
  enum class kind_type { nothing, usable, bad };

  /// What to connect to: the socket that was found, whatever becomes of its name. Only without /proc, or on a
  /// kernel before 5.6, it is its path, which the function may meanwhile lead elsewhere.
  std::string address() const;

  kind_type kind = kind_type::nothing;
  std::filesystem::path path = {}; ///< Of the socket itself, behind a symlink, as far as that is known.
  std::string reason = {};         ///< Why it is bad.
  base::unique_fd socket = {};     ///< It itself, which can be connected to and nothing else.
};

/// `directory` is the worker's own, and what is in it the function's.
socket_finding find_socket(const std::filesystem::path& directory);

} // namespace hotslot::process::detail
