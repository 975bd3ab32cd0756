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

namespace hotslot::daemon {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view private_prefix = "hotslotd-";
constexpr std::string_view lock_name = ".lock";

// Locked, or -1: another server has it.
int lock(const fs::path& directory, int how, int create = 0) {
  const int fd = ::open((directory / lock_name).c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | create, 0600);
  if (fd >= 0 && ::flock(fd, how) == 0)
    return fd;
  if (fd >= 0)
    ::close(fd);
  return -1;
}

// Of a new directory. It has its name only once it is locked, so that nobody takes the directory for one that
// was left.
int lock_new(const fs::path& directory) {
  const fs::path unnamed = directory / ".lock.new";
  const int fd = ::open(unnamed.c_str(), O_RDWR | O_CLOEXEC | O_CREAT | O_EXCL, 0600);
  if (fd >= 0 && ::flock(fd, LOCK_EX | LOCK_NB) == 0 &&
      ::rename(unnamed.c_str(), (directory / lock_name).c_str()) == 0)
    return fd;
  if (fd >= 0)
    ::close(fd);
  return -1;
}

// Of one that several servers may share; the first of them cleans it up.
int lock_shared(const fs::path& directory) {
  const int fd = lock(directory, LOCK_EX | LOCK_NB, O_CREAT);
  if (fd < 0)
    return lock(directory, LOCK_SH, O_CREAT);
  process::remove_leftover_workers(directory);
  ::flock(fd, LOCK_SH); // another may come between, and finds nothing to clean up
  return fd;
}

bool is_own_directory(const fs::path& path) {
  struct stat s {};
  return ::lstat(path.c_str(), &s) == 0 && S_ISDIR(s.st_mode) && s.st_uid == ::geteuid();
}

void remove_private(const fs::path& directory) {
  const int fd = lock(directory, LOCK_EX | LOCK_NB);
  if (fd < 0)
    return;
  process::remove_leftover_workers(directory);
  std::error_code ignored;
  fs::remove_all(directory, ignored);
  ::close(fd);
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
  if (lock_ >= 0)
    ::close(lock_);
}

} // namespace hotslot::daemon
