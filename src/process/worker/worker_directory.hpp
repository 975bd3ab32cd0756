// The directory of one worker, empty at first, in which its socket is to appear.
#pragma once

#include <filesystem>
#include <string>
#include <utility>

namespace hotslot::process::detail {

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

 private:
  std::filesystem::path path_;
};

} // namespace hotslot::process::detail
