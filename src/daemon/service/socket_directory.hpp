// The directory that holds the workers' sockets.
#pragma once

#include "base/unique_fd.hpp"

#include <filesystem>
#include <mutex>
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

  /// Makes it again where somebody has removed it: it may be where temporary files are cleaned up. Thread
  /// safe. Throws `system_error`, naming the path, also where somebody else has made it.
  void restore();

 private:
  void take(base::unique_fd locked);

  const bool is_private_;
  const bool is_passable_;
  std::filesystem::path path_;
  std::mutex mutex_;
  base::unique_fd lock_; ///< Of the directory that is at the path, unless that was removed.
};

} // namespace hotslot::daemon
