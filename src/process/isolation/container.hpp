// Functions in containers, by an OCI runtime (https://github.com/opencontainers/runtime-spec, 1.0).
#pragma once

#include "process/spawn/spawn.hpp"

#include <hotslot/process/function_spec.hpp>

#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

namespace hotslot::process::detail {

struct contained_worker {
  const function_spec& spec;
  const std::optional<user_ids>& user;
  const std::vector<gid_t>& groups;       ///< What else that user belongs to.
  const std::filesystem::path& directory; ///< With its socket, at the same place within.
};

inline constexpr std::string_view container_suffix = ".oci";

/// What belongs to the container of a worker with that directory: its bundle, and the runtime's own state.
/// Beside that directory, which is the function's to change.
std::filesystem::path container_directory(const std::filesystem::path& worker_directory);

/// Makes that, and makes `request` start the runtime, which starts what it was. The runtime passes SIGTERM
/// on. A bundle's variables stay, but those of the contract and of the function's configuration. Throws
/// `system_error`.
void put_container_around(spawn_request& request, const contained_worker& worker);

/// Ends a container whatever is left of it, by the runtime that made it, and removes its directory. Blocks.
void remove_container(const std::filesystem::path& container) noexcept;

} // namespace hotslot::process::detail
