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
#include <stdexcept>
#include <string>
#include <utility>

namespace hotslot::daemon {
namespace {

namespace fs = std::filesystem;
using base::unique_fd;

constexpr std::string_view private_prefix = "hotslotd-";
constexpr std::string_view unfinished_prefix = ".hotslotd-";
constexpr std::string_view drawn = "XXXXXX"; // what mkdtemp puts in its place

[[noreturn]] void throw_errno(const std::string& what) {
  throw boost::system::system_error(errno, boost::system::system_category(), what);
}

// A lock on the directory itself is what systemd-tmpfiles looks for, which leaves it alone then. None where
// it cannot be had.
unique_fd lock(const fs::path& directory, int how) {
  unique_fd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  return fd && ::flock(fd.get(), how) == 0 ? std::move(fd) : unique_fd();
}

bool is_at(const unique_fd& fd, const fs::path& path) {
  struct stat opened {
  }, there{};
  return ::fstat(fd.get(), &opened) == 0 && ::lstat(path.c_str(), &there) == 0 &&
         opened.st_dev == there.st_dev && opened.st_ino == there.st_ino;
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

// The standard library takes an empty TMPDIR for a directory.
fs::path temporary_folder() {
  const char* const set = std::getenv("TMPDIR");
  const bool is_set = set && *set;
  fs::path folder = is_set ? set : "/tmp";
  const std::string what = (is_set ? "TMPDIR, " : "") + folder.string() + ", ";
  std::error_code ec;
  if (!fs::is_directory(folder, ec))
    throw std::runtime_error(what +
                             "where sockets would be made, is no directory: set another, or \"socket_dir\"");
  return folder;
}

fs::path private_parent() {
  const fs::path parent = fs::absolute(temporary_folder()).lexically_normal();
  if ((parent / private_prefix).native().size() + drawn.size() > process::max_socket_root)
    throw std::runtime_error("TMPDIR, " + parent.string() +
                             ", is too long: the path of a socket below it would be. "
                             "Set a shorter one, or \"socket_dir\"");
  return parent;
}

fs::path make_unfinished(const fs::path& parent) {
  std::string name = (parent / unfinished_prefix).string().append(drawn);
  if (!::mkdtemp(name.data()))
    throw_errno(name);
  return name;
}

// It has its name only once it is locked, so that nobody takes it for one that was left.
unique_fd finish(const fs::path& unfinished, const fs::path& path) {
  unique_fd fd = lock(unfinished, LOCK_EX);
  if (fd && ::rename(unfinished.c_str(), path.c_str()) == 0)
    return fd;
  const int why = errno;
  ::rmdir(unfinished.c_str());
  errno = why;
  throw_errno("cannot make " + path.string());
}

// Several servers may share it.
unique_fd lock_shared(const fs::path& directory) {
  unique_fd fd = lock(directory, LOCK_SH);
  if (!fd)
    throw_errno("cannot lock " + directory.string());
  return fd;
}

// The first of them does it: others of before have ended.
void clean_up(const fs::path& directory) {
  if (const unique_fd alone = lock(directory, LOCK_EX | LOCK_NB))
    process::remove_leftover_workers(directory);
}

} // namespace

socket_directory::socket_directory(const std::optional<fs::path>& configured, bool passable)
  : is_private_(!configured)
  , is_passable_(passable) {
  if (configured) {
    path_ = process::prepare_socket_root(*configured);
    clean_up(path_);
    take(lock_shared(path_));
    return;
  }
  const fs::path parent = private_parent();
  remove_private_leftovers(parent);
  const fs::path unfinished = make_unfinished(parent);
  path_ = parent / unfinished.filename().native().substr(unfinished_prefix.size() - private_prefix.size());
  take(finish(unfinished, path_));
}

void socket_directory::take(unique_fd locked) {
  lock_ = std::move(locked);
  std::error_code ignored;
  if (is_passable_)
    fs::permissions(path_, fs::perms::group_exec | fs::perms::others_exec, fs::perm_options::add, ignored);
}

void socket_directory::restore() {
  const std::lock_guard guard(mutex_);
  if (is_at(lock_, path_))
    return;
  if (is_private_)
    return take(finish(make_unfinished(path_.parent_path()), path_));
  process::prepare_socket_root(path_);
  take(lock_shared(path_));
}

socket_directory::~socket_directory() {
  std::error_code ignored;
  if (is_private_ && is_at(lock_, path_))
    fs::remove_all(path_, ignored);
}

} // namespace hotslot::daemon
