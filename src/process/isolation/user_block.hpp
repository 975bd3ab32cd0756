// User ids that nothing else on the machine has.
#pragma once

#include "base/unique_fd.hpp"

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace hotslot::process::detail {

/// A block of ids that this server alone hands out, for as long as it runs: it is kept by the lock of a file,
/// which the kernel lets go however the server ends. What runs under the block's ids when it is taken is left
/// over from another, and is killed.
///
/// Thread safety: a shared object is safe.
class user_block {
 public:
  /// Linux has no registry of ids. systemd leaves these to others (its UIDS-GIDS.md), and containers of user
  /// namespaces are given lower ones.
  static constexpr uid_t first = 1'900'000'000;
  static constexpr uid_t size = 4096;

  /// Null where this process is not root, or no lock can be had in `folder`.
  static std::unique_ptr<user_block> take(const std::filesystem::path& folder = "/run/hotslot");

  /// An id that nothing has. Nothing where all are taken.
  std::optional<uid_t> acquire();
  /// Kills every process of that user, whatever it has made of itself: a fork that goes on forking, a daemon.
  /// The id is free again, unless that could not be done. Blocks until they are gone, 50 ms at most.
  void release(uid_t user) noexcept;

 private:
  user_block(base::unique_fd lock, uid_t begin);
  bool kill_all_of(uid_t user) const noexcept;

  base::unique_fd lock_;
  uid_t begin_; ///< Given to nobody: whoever kills for others is this one, whom they cannot signal.
  std::mutex mutex_;
  std::vector<bool> taken_;
  std::size_t next_ = 1; ///< In turn, so that an id rests before it is used again.
};

} // namespace hotslot::process::detail
