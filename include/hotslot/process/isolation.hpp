// How a function's processes are kept from the machine, from the server and from each other. Plain values.
#ifndef HOTSLOT_PROCESS_ISOLATION_HPP
#define HOTSLOT_PROCESS_ISOLATION_HPP

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

namespace hotslot::process {

/// Whose rights a process has.
enum class user_policy : std::uint8_t {
  automatic, ///< `own` where the server may give one and it can reach the function's files; else `same`.
  own,       ///< Each process has a user that nothing else on the machine has.
  same,      ///< The server's.
  given,     ///< `isolation::user`.
};

/// A user of the system.
struct user_ids {
  uid_t uid = 0;
  gid_t gid = 0;

  friend bool operator==(const user_ids&, const user_ids&) = default;
};

/// What a process runs in.
enum class sandbox_kind : std::uint8_t {
  none,
  bwrap, ///< Namespaces of its own, by bubblewrap: the machine's files read-only, but few of its others.
  oci,   ///< A container, by an OCI runtime.
};

/// In effect before the first instruction of the function's program. `isolation_host` says what of it cannot
/// be had on a machine.
struct isolation {
  user_policy user = user_policy::automatic;
  user_ids given = {};
  std::vector<gid_t> given_groups = {}; ///< What else a given user belongs to.
  bool no_new_privs = true;             ///< Set-user-id programs give it no rights (PR_SET_NO_NEW_PRIVS).
  bool core_dumps = false;
  std::uint32_t max_files = 1024; ///< Open descriptors of one process. 0: as the server has it.
  /// Processes and threads of one worker. Counted by its control group, or by its own user. 0: any number.
  std::uint32_t max_processes = 512;
  /// To `function_spec::memory_mb`, by a control group; without one, by `data_allowance_mb`.
  bool limit_memory = true;
  /// A directory of its own for temporary files, at TMPDIR (in a sandbox /tmp), and what may be in it. 0:
  /// none.
  std::uint32_t tmp_mb = 64;

  sandbox_kind sandbox = sandbox_kind::none;
  bool network = true; ///< The machine's. Without, a sandbox has its own, with nothing but loopback.
  std::filesystem::path rootfs = {}; ///< Of a container.
  std::filesystem::path bundle = {}; ///< Of a container, in place of `rootfs`: an OCI bundle.
  std::filesystem::path runtime = {
      "runc"}; ///< Of a container: the program, by its path or in the system's usual folders.
};

/// Without a control group, writable memory is limited (RLIMIT_DATA) to `memory_mb` and this: the stacks of
/// threads count in full there, though hardly any of them is touched.
inline constexpr std::uint64_t data_allowance_mb = 256;

} // namespace hotslot::process

#endif
