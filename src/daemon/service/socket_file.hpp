// A unix socket that is listened on, and its file.
#pragma once

#include "daemon/config/listener_config.hpp"

#include "base/unique_fd.hpp"

#include <sys/stat.h>

#include <filesystem>

namespace hotslot::daemon {

/// The file goes with this object, or by `remove`, unless it is another one by then.
class socket_file {
 public:
  /// Listens at `path`. What nobody listens at any more gives way there: a server that was killed leaves its
  /// file. It comes to the path when it is as `access` says and listens. Throws `std::runtime_error`, naming
  /// the path.
  socket_file(std::filesystem::path path, const socket_access& access, int backlog);
  ~socket_file() { remove(); }
  socket_file(const socket_file&) = delete;
  socket_file& operator=(const socket_file&) = delete;

  /// For who accepts, whose it is after `release`.
  int get() const noexcept { return fd_.get(); }
  void release() noexcept { fd_.release(); }

  /// To be called before who accepts closes the socket: which file is whose is told by its number, and
  /// another may get that as soon as nobody has the socket.
  void remove() noexcept;

  /// Throws what the constructor would say of the path, without listening.
  static void check(const std::filesystem::path& path);

 private:
  const std::filesystem::path path_;
  base::unique_fd fd_;
  struct stat own_ {}; ///< Nothing where it is removed.
};

} // namespace hotslot::daemon
