// User ids that nothing else on the machine has.
#pragma once

#include "base/unique_fd.hpp"

#include <hotslot/process/isolation.hpp>

#include <sys/types.h>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace hotslot::process::detail {

/// A block of ids that this server alone hands out, for as long as it runs: it is kept by the lock of a file,
/// and for servers that do not see that file by a name of the machine; the kernel lets both go however the
/// server ends. What runs under the block's ids when it is taken is left over from another, and is killed.
///
/// Thread safety: a shared object is safe.
class user_block {
 public:
  /// Linux has no registry of ids. systemd leaves these to others (its UIDS-GIDS.md), and containers of user
  /// namespaces are given lower ones.
  static constexpr uid_t first = 1'900'000'000;
  static constexpr uid_t size = 4096;
  static constexpr unsigned blocks = 64;
  /// Of none of the blocks: those of blocks may be killed by their servers at any time.
  static constexpr user_ids nobodys{first + blocks * size, first + blocks* size};

  /// Null, and `why`, where this process may not give ids away, or no lock can be had in `folder`.
  static std::unique_ptr<user_block> take(std::string& why,
                                          const std::filesystem::path& folder = "/run/hotslot");

  /// An id that nothing has. Nothing where all are taken.
  std::optional<uid_t> acquire();
  /// Kills every process of that user, whatever it has made of itself: a fork that goes on forking, a daemon.
  /// The id is free again; where they could not be killed (no process can be had for that) not before a later
  /// call has. Blocks until they are gone, 5 ms at most, and while others do the same.
  void release(uid_t user) noexcept;
  /// How many ids are not free.
  std::size_t in_use() const noexcept;

 private:
  enum class id_state : char { free, taken, unkilled };

  user_block(base::unique_fd lock, base::unique_fd name, uid_t begin);
  void mark_taken(uid_t user) noexcept;
  bool kill_all_of(uid_t user) noexcept;
  std::optional<uid_t> acquire_free() noexcept;
  bool give_back(uid_t user) noexcept;
  void release_unkilled() noexcept;
  std::optional<uid_t> take_unkilled() noexcept;

  base::unique_fd lock_;
  base::unique_fd name_;
  uid_t begin_;        ///< Given to nobody: whoever kills for others is this one, whom they cannot signal.
  std::mutex killing_; ///< One at a time: those who kill could be signalled by each other.
  mutable std::mutex mutex_;
  std::vector<id_state> ids_;
  std::size_t unkilled_ = 0;
  std::size_t next_ = 1; ///< In turn, so that an id rests before it is used again.
};

} // namespace hotslot::process::detail
