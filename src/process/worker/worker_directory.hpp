// The directory of one worker, empty at first, and the watch for the socket that is to appear in it.
#pragma once

#include "base/unique_fd.hpp"

#include <filesystem>
#include <string>

namespace hotslot::process::detail {

/// What is found at the place of a worker's socket.
struct socket_finding {
  enum class kind_type { nothing, usable, bad };

  kind_type kind = kind_type::nothing;
  std::filesystem::path path = {}; ///< Of the socket itself, behind a symlink.
  std::string reason = {};         ///< Why it is bad.
};

/// Makes a new directory under `root` and removes it, with all that is in it, in the end.
class worker_directory {
 public:
  worker_directory() = default;
  explicit worker_directory(const std::filesystem::path& root);
  worker_directory(worker_directory&& other) noexcept
    : path_(std::exchange(other.path_, {})) {}
  worker_directory& operator=(worker_directory&& other) noexcept {
    std::swap(path_, other.path_);
    return *this;
  }
  ~worker_directory() { remove(); }

  const std::filesystem::path& path() const noexcept { return path_; }
  void remove() noexcept;

  /// A descriptor that becomes readable when something appears in the directory.
  base::unique_fd watch() const;

  socket_finding find_socket() const;

 private:
  std::filesystem::path path_;
};

} // namespace hotslot::process::detail
