// What there is to isolate workers by, and which of it one function's workers get.
#pragma once

#include "control_group.hpp"
#include "user_block.hpp"

#include <hotslot/process/function_spec.hpp>

#include <filesystem>
#include <memory>
#include <optional>

namespace hotslot::process::detail {

struct isolation_means {
  bool root = false;
  bool mounts = false; ///< Name spaces for mounts may be made without one for users.
  std::unique_ptr<user_block> users;
  std::optional<group_tree> groups;

  /// Of this process, now.
  static isolation_means find();
};

enum class limited_by : std::uint8_t {
  nothing,
  group,
  rlimit,
  container, ///< The runtime sees to it, or not, as the bundle says.
};

/// What is done for one function. Plain values.
struct isolation_choice {
  bool own_user = false;
  std::optional<user_ids> given;
  limited_by memory = limited_by::nothing;
  limited_by processes = limited_by::nothing;
  bool tmp_is_bounded = false;
};

/// `means` null: only what a process may always do to its children.
isolation_choice choose_isolation(const isolation_means* means, const function_spec& spec,
                                  const std::filesystem::path& root);

/// What `user_policy::automatic` comes to, now.
user_policy choose_user(const isolation_means* means, const function_spec& spec,
                        const std::filesystem::path& root);

/// Whether a user without any rights can run the function: enter its directory, read its program, reach the
/// directories of sockets.
bool reachable_by_others(const function_spec& spec, const std::filesystem::path& root);

/// The runtime or the bubblewrap that the function asks for. Empty where there is none.
std::filesystem::path sandbox_program(const isolation& of);

} // namespace hotslot::process::detail
