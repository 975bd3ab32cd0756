// File systems in memory.
#pragma once

#include <hotslot/process/isolation.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace hotslot::process::detail {

/// Options of a mount: its size, as many files as it has pages of 4 KB, since the kernel takes memory for
/// each, and its owner.
inline std::vector<std::string> tmpfs_options(std::uint64_t mb, const std::optional<user_ids>& owner) {
  std::vector<std::string> options{"size=" + std::to_string(mb) + "m",
                                   "nr_inodes=" + std::to_string(mb << 8)};
  if (owner) {
    options.push_back("uid=" + std::to_string(owner->uid));
    options.push_back("gid=" + std::to_string(owner->gid));
  }
  return options;
}

} // namespace hotslot::process::detail
