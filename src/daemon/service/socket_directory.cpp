#include "socket_directory.hpp"

#include <hotslot/process/socket_root.hpp>

#include <boost/system/system_error.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

namespace hotslot::daemon {
namespace {

namespace fs = std::filesystem;
using base::unique_fd;

constexpr std::string_view private_prefix = "hotslotd-";
constexpr std::string_view lock_name = ".lock";

// Locked, or none: another server has it.
unique_fd lock(const fs::path& directory, int how, int create = 0) {
  unique_fd fd(::open((directory / lock_name).c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | create, 0600));
  return fd && ::flock(fd.get(), how) == 0 ? std::move(fd) : unique_fd();
}

// Of a new directory. It has its name only once it is locked, so that nobody takes the directory for one that
// was left.
unique_fd lock_new(const fs::path& directory) {
  const fs::path unnamed = directory / ".lock.new";
  unique_fd fd(::open(unnamed.c_str(), O_RDWR | O_CLOEXEC | O_CREAT | O_EXCL, 0600));
  const bool locked = fd && ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0 &&
                      ::rename(unnamed.c_str(), (directory / lock_name).c_str()) == 0;
  return locked ? std::move(fd) : unique_fd();
}

// Of one that several servers may share; the first of them cleans it up.
unique_fd lock_shared(const fs::path& directory) {
  unique_fd fd = lock(directory, LOCK_EX | LOCK_NB, O_CREAT);
  if (!fd)
    return lock(directory, LOCK_SH, O_CREAT);
  process::remove_leftover_workers(directory);
  ::flock(fd.get(), LOCK_SH); // another may come between, and finds nothing to clean up
  return fd;
}

bool is_own_directory(const fs::path& path) {
  struct stat s {};
  return ::lstat(path.c_str(), &s) == 0 && S_ISDIR(s.st_mode) && s.st_uid == ::geteuid();
}

void remove_private(const fs::path& directory) {
  const unique_fd locked = lock(directory, LOCK_EX | LOCK_NB);
  if (!locked)
    return;
  process::remove_leftover_workers(directory);
  std::error_code ignored;
  fs::remove_all(directory, ignored);
}

void remove_private_leftovers(const fs::path& parent) {
  std::error_code ec;
  for (fs::directory_iterator it(parent, ec), last; it != last; it.increment(ec))
    if (it->path().filename().native().starts_with(private_prefix) && is_own_directory(it->path()))
      remove_private(it->path());
}

fs::path make_private() {
  const fs::path parent = fs::temp_directory_path();
  remove_private_leftovers(parent);
  std::string name = (parent / private_prefix).string().append("XXXXXX");
  if (!::mkdtemp(name.data()))
    throw boost::system::system_error(errno, boost::system::system_category(), name);
  return name;
}

} // namespace

socket_directory::socket_directory(const std::optional<fs::path>& configured, bool passable)
  : path_(process::prepare_socket_root(configured ? *configured : make_private()))
  , ours_(!configured)
  , lock_(ours_ ? lock_new(path_) : lock_shared(path_)) {
  std::error_code ignored;
  if (passable)
    fs::permissions(path_, fs::perms::group_exec | fs::perms::others_exec, fs::perm_options::add, ignored);
}

socket_directory::~socket_directory() {
  std::error_code ignored;
  if (ours_)
    fs::remove_all(path_, ignored);
}

} // namespace hotslot::daemon
