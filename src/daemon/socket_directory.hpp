// The directory that holds the workers' sockets.
#ifndef HOTSLOT_DAEMON_SOCKET_DIRECTORY_HPP
#define HOTSLOT_DAEMON_SOCKET_DIRECTORY_HPP

#include <filesystem>
#include <optional>

namespace hotslot::daemon {

/// The configured one, which is made where it is missing and stays; or a fresh private one under the system's
/// directory for temporary files, which is removed with this object. Throws `system_error`, naming the path.
class socket_directory {
 public:
  explicit socket_directory(const std::optional<std::filesystem::path>& configured);
  ~socket_directory();
  socket_directory(const socket_directory&) = delete;
  socket_directory& operator=(const socket_directory&) = delete;

  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
  bool ours_;
};

} // namespace hotslot::daemon

#endif
