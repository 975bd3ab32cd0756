#include "socket_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace hotslot::daemon {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse_path(const fs::path& path, std::string_view why) {
  throw std::runtime_error("cannot listen on unix:" + path.native() + ": " + std::string(why));
}

// Beside it, so that it can be moved there.
fs::path name_beside(const fs::path& path, std::string_view what) {
  return path.parent_path() / ('.' + std::to_string(::getpid()) + std::string(what));
}

sockaddr_un address_at(const fs::path& path) {
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  if (path.native().size() >= sizeof at.sun_path)
    refuse_path(path, "a socket's path has at most " + std::to_string(sizeof at.sun_path - 1) + " bytes");
  std::memcpy(at.sun_path, path.c_str(), path.native().size());
  return at;
}

base::unique_fd make_socket() {
  return base::unique_fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

template <class Call>
int with_address(Call call, int fd, const sockaddr_un& at) {
  return call(fd, reinterpret_cast<const sockaddr*>(&at), socklen_t{sizeof at});
}

bool is_still_at(const fs::path& path, const struct stat& file) {
  struct stat there {};
  return ::lstat(path.c_str(), &there) == 0 && there.st_dev == file.st_dev && there.st_ino == file.st_ino;
}

bool is_listened_at(const fs::path& path) {
  const auto caller = make_socket();
  return !caller || with_address(::connect, caller.get(), address_at(path)) == 0 || errno != ECONNREFUSED;
}

// Whoever else looks at the same file may have put another in its place meanwhile, which then gets its name
// back.
void clear_away(const fs::path& path, const struct stat& left) {
  const fs::path aside = name_beside(path, ".old");
  if (::rename(path.c_str(), aside.c_str()) != 0)
    return;
  const bool is_anothers = !is_still_at(aside, left);
  const int error = is_anothers && ::link(aside.c_str(), path.c_str()) != 0 ? errno : 0;
  ::unlink(aside.c_str());
  if (error != 0)
    refuse_path(path, std::strerror(error));
}

void refuse_what_is_there(const fs::path& path) {
  struct stat there {};
  if (::lstat(path.c_str(), &there) != 0)
    return;
  if (!S_ISSOCK(there.st_mode))
    refuse_path(path, "there is a file that is no socket");
  if (is_listened_at(path))
    refuse_path(path, std::strerror(EADDRINUSE));
  clear_away(path, there);
}

// Of all who begin at the same time. Where servers have it for as long as they live, as that of workers'
// sockets, it is not waited for.
base::unique_fd lock_for_a_moment(const fs::path& folder) {
  constexpr std::chrono::milliseconds longest{200}, pause{2};
  base::unique_fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const auto began = std::chrono::steady_clock::now();
  while (fd && ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0 &&
         std::chrono::steady_clock::now() - began < longest)
    std::this_thread::sleep_for(pause);
  return fd;
}

/// A file that is moved to its place only when it is ready.
class unready_file {
 public:
  explicit unready_file(const fs::path& place)
    : place_(place)
    , path_(name_beside(place, ".new")) {
    ::unlink(path_.c_str()); // of one who had this process's number
  }
  ~unready_file() { ::unlink(path_.c_str()); }
  unready_file(const unready_file&) = delete;
  unready_file& operator=(const unready_file&) = delete;

  const fs::path& path() const noexcept { return path_; }

  void move() const {
    const auto lock = lock_for_a_moment(place_.parent_path());
    for (int tries = 0; ::link(path_.c_str(), place_.c_str()) != 0; ++tries) {
      if (errno != EEXIST || tries == 10)
        refuse_path(place_, std::strerror(errno));
      refuse_what_is_there(place_);
    }
  }

 private:
  const fs::path place_;
  const fs::path path_;
};

} // namespace

socket_file::socket_file(fs::path path, const socket_access& access, int backlog)
  : path_(std::move(path))
  , fd_(make_socket()) {
  address_at(path_);
  const auto check = [this](int result, std::string_view what = {}) {
    if (result != 0)
      refuse_path(path_, std::string(what) + std::strerror(errno));
  };
  check(fd_ ? 0 : -1);
  const unready_file made(path_);
  check(with_address(::bind, fd_.get(), address_at(made.path())));
  const auto group = access.group.value_or(::getegid()); // and not that of the directory
  check(::lchown(made.path().c_str(), static_cast<uid_t>(-1), group), "cannot give it its group: ");
  check(::chmod(made.path().c_str(), access.mode));
  check(::listen(fd_.get(), backlog));
  struct stat own {};
  check(::lstat(made.path().c_str(), &own));
  made.move();
  own_ = own;
}

void socket_file::remove() noexcept {
  if (own_.st_ino != 0 && is_still_at(path_, own_))
    ::unlink(path_.c_str());
  own_ = {};
}

void socket_file::check(const fs::path& path) {
  address_at(path);
  struct stat there {};
  if (::lstat(path.c_str(), &there) == 0 && !S_ISSOCK(there.st_mode))
    refuse_path(path, "there is a file that is no socket");
  if (::access(path.parent_path().c_str(), W_OK | X_OK) != 0)
    refuse_path(path, std::strerror(errno));
}

} // namespace hotslot::daemon
