// What a child does to itself between fork and exec, so that its program never runs without.
#pragma once

#include "base/unique_fd.hpp"

#include <hotslot/process/isolation.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace hotslot::process::detail {

struct child_limits {
  base::unique_fd group = {}; ///< The entrance of its control group.
  std::optional<user_ids> user = {};
  std::string tmp = {};         ///< Where to mount a file system for temporary files, seen by it alone.
  std::string tmp_options = {}; ///< Of the mount.
  std::optional<std::uint64_t> files = {};
  std::optional<std::uint64_t> processes = {};
  std::optional<std::uint64_t> data_bytes = {};
  bool core_dumps = false;
  bool no_new_privs = true;
  /// For a sandbox, which is between the server and the function: a signal to stop is for the function.
  bool ignore_term = false;
};

/// Async-signal-safe. Of the calling process, which must be single-threaded. Returns what could not be done,
/// with errno; null where all is done.
const char* apply(const child_limits& limits) noexcept;

} // namespace hotslot::process::detail
