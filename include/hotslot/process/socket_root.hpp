// The directory under which every function process gets an empty directory for its socket.
#ifndef HOTSLOT_PROCESS_SOCKET_ROOT_HPP
#define HOTSLOT_PROCESS_SOCKET_ROOT_HPP

#include <cstddef>
#include <filesystem>

namespace hotslot::process {

/// The longest path that can be connected to on Linux.
inline constexpr std::size_t max_socket_path = 107;

/// The longest absolute path that a socket root may have: what the directory of a worker and the longest
/// socket name that an FDK uses (`phonylsnr.sock`) leave of `max_socket_path`.
inline constexpr std::size_t max_socket_root = max_socket_path - sizeof("/abcdef/phonylsnr.sock") + 1;

/// To be called at start-up: checks the length, and that directories can be made there; makes the root (mode
/// 0700) where it is missing. Relative paths are taken from the current directory. Returns the absolute path.
///
/// Throws `system_error`: `errc::socket_path_too_long`, or the system's own error.
std::filesystem::path prepare_socket_root(const std::filesystem::path& root);

} // namespace hotslot::process

#endif
