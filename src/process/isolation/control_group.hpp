// Control groups (version 2) of workers.
#pragma once

#include "base/unique_fd.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <utility>

namespace hotslot::process::detail {

struct group_limits {
  std::uint64_t memory_mb = 0; ///< 0: any amount.
  std::uint32_t processes = 0; ///< 0: any number.
};

/// One worker's group. Movable; what is in it is killed with it.
class control_group {
 public:
  control_group() = default;
  explicit control_group(std::filesystem::path path)
    : path_(std::move(path)) {}
  control_group(control_group&& other) noexcept
    : path_(std::exchange(other.path_, {})) {}
  control_group& operator=(control_group&& other) noexcept {
    std::swap(path_, other.path_);
    return *this;
  }
  ~control_group() { remove(); }

  explicit operator bool() const noexcept { return !path_.empty(); }
  const std::filesystem::path& path() const noexcept { return path_; }

  /// A process joins by writing "0" to this.
  base::unique_fd entrance() const;

  /// Whether the kernel has killed anything in it for want of memory.
  bool ran_out_of_memory() const;

  /// Kills what is in it, and removes it. Blocks until the kernel has let go of it, a few milliseconds.
  void remove() noexcept;

 private:
  std::filesystem::path path_;
};

/// The part of the hierarchy that this server may arrange: the group that it was started in, with the server
/// in one leaf of it and each worker in another, since a group that hands limits on may hold no process.
///
/// Thread safety: a shared object is safe.
class group_tree {
 public:
  /// Nothing where there is no version 2 with the controllers for memory and processes, or where it may not
  /// be written: without the right, or because others than this server are in its group.
  static std::optional<group_tree> take();

  const std::filesystem::path& path() const noexcept { return root_; }

  /// Throws `system_error`.
  control_group make(std::uint64_t worker_id, const group_limits& limits) const;

 private:
  explicit group_tree(std::filesystem::path root)
    : root_(std::move(root)) {}

  std::filesystem::path root_;
};

} // namespace hotslot::process::detail
