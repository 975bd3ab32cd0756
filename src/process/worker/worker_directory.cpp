#include "worker_directory.hpp"

#include "base/file.hpp"
#include "process/spawn/system.hpp"

#include <hotslot/process/contract.hpp>
#include <hotslot/process/socket_root.hpp>

#include <boost/system/system_error.hpp>

#include <sys/inotify.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace hotslot::process::detail {
namespace {

namespace fs = std::filesystem;

socket_finding bad(std::string reason) {
  return {.kind = socket_finding::kind_type::bad, .reason = std::move(reason)};
}

} // namespace

worker_directory::worker_directory(const fs::path& root) {
  std::string name = (root / std::string(worker_prefix).append("XXXXXX")).string();
  if (!::mkdtemp(name.data()))
    throw_errno("cannot make a directory in " + root.string());
  path_ = name;
}

void worker_directory::remove() noexcept {
  if (path_.empty())
    return;
  std::error_code ignored;
  fs::remove_all(path_, ignored);
  path_.clear();
}

base::unique_fd worker_directory::watch() const {
  base::unique_fd fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!fd || ::inotify_add_watch(fd.get(), path_.c_str(), IN_CREATE | IN_MOVED_TO) < 0)
    throw_errno("cannot watch " + path_.string());
  return fd;
}

socket_finding worker_directory::find_socket() const {
  const fs::path place = path_ / socket_name;
  std::error_code ec;
  if (fs::symlink_status(place, ec).type() == fs::file_type::not_found)
    return {};
  fs::path target = fs::canonical(place, ec);
  if (ec)
    return bad(place.string() + " leads nowhere: " + ec.message());
  const fs::path directory = fs::canonical(path_, ec);
  if (ec || !base::is_within(target, directory))
    return bad(place.string() + " leaves its directory: " + target.string());
  if (!fs::is_socket(target, ec))
    return bad(place.string() + " is no socket");
  return {.kind = socket_finding::kind_type::usable, .path = std::move(target)};
}

} // namespace hotslot::process::detail
