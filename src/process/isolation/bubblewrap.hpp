// Functions in name spaces of their own, by bubblewrap.
#pragma once

#include "process/spawn/spawn.hpp"

#include <hotslot/process/isolation.hpp>

#include <filesystem>
#include <optional>
#include <string>

namespace hotslot::process::detail {

struct bubble {
  const isolation& of;
  const std::filesystem::path& root;      ///< Of all workers' directories, which are hidden.
  const std::filesystem::path& directory; ///< But this one.
  /// Where its temporary files are mounted already, and shared memory at /dev/shm; empty where they are not.
  const std::filesystem::path& tmp;
};

/// Whether the sandbox has something else at that place, so that no function can be there; below it, it can.
bool is_hidden_place(const std::filesystem::path& directory);

/// Makes `request` start bubblewrap, which starts what it was: the machine's files are read-only; homes,
/// other workers' directories, /run and temporary files are hidden; processes of others are not seen. What
/// may be written to has a size, but for its directory.
///
/// Bubblewrap passes no signal on, and ends at SIGTERM, so it is started with that ignored, and `env` undoes
/// this for the function, which then gets the signal to its group.
void put_bubblewrap_before(spawn_request& request, const bubble& around);

/// Whether it can make a sandbox like that here, as that user: empty, or what it says. Runs it, a few
/// milliseconds.
std::string why_no_bubblewrap(const isolation& like, const std::optional<user_ids>& user);

} // namespace hotslot::process::detail
