// What there is to isolate workers by, and which of it one function's workers get.
#pragma once

#include "control_group.hpp"
#include "user_block.hpp"

#include <hotslot/process/function_spec.hpp>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace hotslot::process::detail {

struct isolation_means {
  bool root = false;
  bool mounts = false; ///< A worker may mount what bounds its temporary files.
  std::unique_ptr<user_block> users;
  std::string no_users; ///< Why there are none.
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
  bool mounts_tmp = false; ///< By itself, before its program runs.
};

/// `means` null: only what a process may always do to its children.
isolation_choice choose_isolation(const isolation_means* means, const function_spec& spec,
                                  const std::filesystem::path& root);

/// What `user_policy::automatic` comes to, now.
user_policy choose_user(const isolation_means* means, const function_spec& spec,
                        const std::filesystem::path& root);

/// Whether a user without any rights can run the function: enter its directory, read its program, reach the
/// directories of sockets. What is not there keeps nobody away.
bool reachable_by_others(const function_spec& spec, const std::filesystem::path& root);

/// The function's directory or program, where that is not there; else empty.
std::filesystem::path missing_part(const function_spec& spec);

/// The runtime or the bubblewrap that the function asks for. Empty where there is none.
std::filesystem::path sandbox_program(const isolation& of);

/// Of those programs, which run with the server's rights: nothing in it is the function's.
std::vector<std::string> runtime_environment();

} // namespace hotslot::process::detail
