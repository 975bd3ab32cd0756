// What a child does to itself between fork and exec, so that its program never runs without.
#pragma once

#include "base/unique_fd.hpp"

#include <hotslot/process/isolation.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace hotslot::process::detail {

struct child_limits {
  base::unique_fd group = {}; ///< The entrance of its control group.
  std::optional<user_ids> user = {};
  std::vector<gid_t> groups = {}; ///< What else that user belongs to.
  std::string tmp = {};           ///< Where to mount a file system for temporary files, seen by it alone.
  std::string tmp_options = {};   ///< Of the mount.
  std::optional<std::uint64_t> files = {};
  std::optional<std::uint64_t> processes = {};
  std::optional<std::uint64_t> data_bytes = {};
  bool core_dumps = false;
  bool no_new_privs = true;
  /// For a sandbox, which is between the server and the function: a signal to stop is for the function.
  bool ignore_term = false;
  /// For a sandbox: those that the server has. Otherwise a program has none, even as root.
  bool keep_capabilities = false;
};

/// Of the calling process: all, or what a program of another user would inherit. What can be had by the
/// capabilities of a file, or by being root, is what the bounding set has. Async-signal-safe.
bool drop_capabilities(bool all) noexcept;

/// Async-signal-safe. Of the calling process, which must be single-threaded. Returns what could not be done,
/// with errno; null where all is done.
const char* apply(const child_limits& limits) noexcept;

/// Whether a child of this process could, now. Blocks until that has tried.
bool can_apply(const child_limits& limits) noexcept;

} // namespace hotslot::process::detail
