// The directory that holds the workers' sockets.
#pragma once

#include "base/unique_fd.hpp"

#include <filesystem>
#include <optional>

namespace hotslot::daemon {

/// The configured one, which is made where it is missing and stays; or a fresh private one under the system's
/// directory for temporary files, which is removed with this object. It is locked for as long as the server
/// lives. What servers that were killed have left, workers and directories, is removed first. Throws
/// `system_error`, naming the path.
class socket_directory {
 public:
  /// `passable`: other users can get at what is theirs in it.
  socket_directory(const std::optional<std::filesystem::path>& configured, bool passable);
  ~socket_directory();
  socket_directory(const socket_directory&) = delete;
  socket_directory& operator=(const socket_directory&) = delete;

  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
  bool ours_;
  base::unique_fd lock_;
};

} // namespace hotslot::daemon
