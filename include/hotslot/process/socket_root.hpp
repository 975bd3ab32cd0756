// The directory under which every function process gets an empty directory for its socket.
#ifndef HOTSLOT_PROCESS_SOCKET_ROOT_HPP
#define HOTSLOT_PROCESS_SOCKET_ROOT_HPP

#include <cstddef>
#include <filesystem>
#include <string_view>

namespace hotslot::process {

/// The longest path that can be connected to on Linux.
inline constexpr std::size_t max_socket_path = 107;

/// How the names of workers' directories begin.
inline constexpr std::string_view worker_prefix = "hw-";

/// The longest absolute path that a socket root may have: what the directory of a worker and the longest
/// socket name that an FDK uses (`phonylsnr.sock`) leave of `max_socket_path`.
inline constexpr std::size_t max_socket_root = max_socket_path - sizeof("/hw-abcdef/phonylsnr.sock") + 1;

/// To be called at start-up: checks the length, and that directories can be made there; makes the root (mode
/// 0700) where it is missing. Relative paths are taken from the current directory. Returns the absolute path.
///
/// Throws `system_error`: `errc::socket_path_too_long`; `EPERM` where it is another user's, or others may
/// write to it; or the system's own error.
std::filesystem::path prepare_socket_root(const std::filesystem::path& root);

/// Ends what is left of workers whose server was killed: kills processes that were started for a socket below
/// `root`, and removes their directories. Only what is named as this library names it is touched.
///
/// Preconditions: no server uses `root`. Cost: a look at each process of the machine, where anything is left.
void remove_leftover_workers(const std::filesystem::path& root) noexcept;

} // namespace hotslot::process

#endif
