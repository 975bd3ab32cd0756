// A file descriptor with an owner.
#pragma once

#include <unistd.h>

#include <utility>

namespace hotslot::base {

class unique_fd {
 public:
  unique_fd() noexcept = default;
  explicit unique_fd(int fd) noexcept
    : fd_(fd) {}
  unique_fd(unique_fd&& other) noexcept
    : fd_(other.release()) {}
  unique_fd& operator=(unique_fd&& other) noexcept {
    unique_fd old(std::exchange(fd_, other.release()));
    return *this;
  }
  ~unique_fd() {
    if (fd_ >= 0)
      ::close(fd_);
  }

  int get() const noexcept { return fd_; }
  int release() noexcept { return std::exchange(fd_, -1); }
  explicit operator bool() const noexcept { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

} // namespace hotslot::base
