#include "worker_directory.hpp"

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

[[noreturn]] void fail(const std::string& what) {
  const std::string reason = std::strerror(errno);
  throw boost::system::system_error(errc::spawn_failed, what + ": " + reason);
}

socket_finding bad(std::string reason) {
  return {.kind = socket_finding::kind_type::bad, .reason = std::move(reason)};
}

bool is_inside(const fs::path& path, const fs::path& directory) {
  const auto [end, ignored] = std::mismatch(directory.begin(), directory.end(), path.begin(), path.end());
  return end == directory.end();
}

} // namespace

worker_directory::worker_directory(const fs::path& root) {
  std::string name = (root / std::string(worker_prefix).append("XXXXXX")).string();
  if (!::mkdtemp(name.data()))
    fail("cannot make a directory in " + root.string());
  path_ = name;
}

void worker_directory::remove() noexcept {
  if (path_.empty())
    return;
  std::error_code ignored;
  fs::remove_all(path_, ignored);
  path_.clear();
}

unique_fd worker_directory::watch() const {
  unique_fd fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!fd || ::inotify_add_watch(fd.get(), path_.c_str(), IN_CREATE | IN_MOVED_TO) < 0)
    fail("cannot watch " + path_.string());
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
  if (ec || !is_inside(target, directory))
    return bad(place.string() + " leaves its directory: " + target.string());
  if (!fs::is_socket(target, ec))
    return bad(place.string() + " is no socket");
  return {.kind = socket_finding::kind_type::usable, .path = std::move(target)};
}

} // namespace hotslot::process::detail
