#include "user_block.hpp"

#include "process/spawn/system.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <set>
#include <string>
#include <utility>

namespace hotslot::process::detail {
namespace {

namespace fs = std::filesystem;

constexpr unsigned blocks = 64;

bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

// Of all processes, those whose owner is in the block.
std::set<uid_t> users_with_processes(uid_t begin, uid_t end) {
  std::set<uid_t> users;
  std::error_code ec;
  for (fs::directory_iterator it("/proc", ec), last; it != last; it.increment(ec)) {
    struct stat owner {};
    if (is_number(it->path().filename()) && ::stat(it->path().c_str(), &owner) == 0 &&
        owner.st_uid >= begin && owner.st_uid < end)
      users.insert(owner.st_uid);
  }
  return users;
}

// Asks the kernel itself: the C library would make all threads of this process follow. Signals are sent by
// the effective id, and received by the real and the saved one.
bool act_as(uid_t user, uid_t reserved) { return ::syscall(SYS_setresuid, reserved, user, reserved) == 0; }

// Async-signal-safe.
bool kill_all(uid_t user, uid_t reserved) {
  constexpr timespec moment{.tv_sec = 0, .tv_nsec = 1'000'000};
  if (!act_as(user, reserved))
    return false;
  // -1: all that this user may signal, but the caller. Nobody may be there to reap what it has left, so an
  // end.
  for (int tries = 0; tries < 50 && ::kill(-1, SIGKILL) == 0; ++tries)
    ::nanosleep(&moment, nullptr);
  return true;
}

// Where this process is root of a user namespace only, few ids exist.
bool exists(uid_t user) {
  return in_child([user] { return act_as(user, user); });
}

} // namespace

std::unique_ptr<user_block> user_block::take(const fs::path& folder) {
  if (::geteuid() != 0 || !exists(first))
    return nullptr;
  std::error_code ec;
  fs::create_directories(folder, ec);
  for (unsigned n = 0; n < blocks; ++n) {
    const auto file = folder / ("users-" + std::to_string(n) + ".lock");
    base::unique_fd lock(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (lock && ::flock(lock.get(), LOCK_EX | LOCK_NB) == 0)
      return std::unique_ptr<user_block>(new user_block(std::move(lock), first + n * size));
  }
  return nullptr;
}

user_block::user_block(base::unique_fd lock, uid_t begin)
  : lock_(std::move(lock))
  , begin_(begin)
  , taken_(size) {
  for (const uid_t user : users_with_processes(begin + 1, begin + size))
    kill_all_of(user);
}

bool user_block::kill_all_of(uid_t user) const noexcept {
  assert(user != 0 && user != begin_);
  return in_child([=, this] { return kill_all(user, begin_); });
}

std::optional<uid_t> user_block::acquire() {
  const std::lock_guard lock(mutex_);
  for (std::size_t tried = 0; tried < taken_.size(); ++tried) {
    const std::size_t n = std::exchange(next_, (next_ + 1) % taken_.size());
    if (n != 0 && !taken_[n]) {
      taken_[n] = true;
      return begin_ + static_cast<uid_t>(n);
    }
  }
  return std::nullopt;
}

void user_block::release(uid_t user) noexcept {
  if (!kill_all_of(user))
    return;
  const std::lock_guard lock(mutex_);
  taken_[user - begin_] = false;
}

} // namespace hotslot::process::detail
