#include "function_socket.hpp"

#include "base/file.hpp"

#include <hotslot/process/contract.hpp>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace hotslot::process::detail {
namespace {

namespace fs = std::filesystem;

socket_finding bad(std::string reason) {
  return {.kind = socket_finding::kind_type::bad, .reason = std::move(reason)};
}

// Whatever the names on the way lead to by now, it is below `directory`. None where the kernel has no such
// call.
base::unique_fd open_beneath(const fs::path& directory, const fs::path& relative) {
  const base::unique_fd top(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  return base::unique_fd(
      static_cast<int>(::syscall(SYS_openat2, top.get(), relative.c_str(), &how, sizeof how)));
}

std::string address_of(const base::unique_fd& socket) {
  return "/proc/self/fd/" + std::to_string(socket.get());
}

} // namespace

std::string socket_finding::address() const { return socket ? address_of(socket) : path.string(); }

socket_finding find_socket(const fs::path& directory) {
  const fs::path place = directory / socket_name;
  std::error_code ec;
  if (fs::symlink_status(place, ec).type() == fs::file_type::not_found)
    return {};
  fs::path target = fs::canonical(place, ec);
  if (ec)
    return bad(place.string() + " leads nowhere: " + ec.message());
  const fs::path real = fs::canonical(directory, ec);
  if (ec || !base::is_within(target, real))
    return bad(place.string() + " leaves its directory: " + target.string());
  base::unique_fd socket = open_beneath(real, target.lexically_relative(real));
  if (!socket && (errno == ELOOP || errno == EXDEV || errno == ENOENT || errno == ENOTDIR))
    return bad(place.string() + " is led elsewhere");
  struct stat found {};
  if (socket ? ::fstat(socket.get(), &found) != 0 || !S_ISSOCK(found.st_mode) : !fs::is_socket(target, ec))
    return bad(place.string() + " is no socket");
  if (socket && ::access(address_of(socket).c_str(), F_OK) != 0) // without /proc
    socket = {};
  return {.kind = socket_finding::kind_type::usable, .path = std::move(target), .socket = std::move(socket)};
}

} // namespace hotslot::process::detail
