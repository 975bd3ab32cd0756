#include "user_block.hpp"

#include "machine_name.hpp"

#include "process/spawn/child_limits.hpp"
#include "process/spawn/system.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <set>
#include <string>
#include <utility>

namespace hotslot::process::detail {
namespace {

namespace fs = std::filesystem;

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

// Signals are sent by
// the effective id and by the real one, and received by the real and the saved one.
bool act_as(uid_t user, uid_t reserved) { return set_users(reserved, user, reserved); }

// Async-signal-safe.
bool kill_all(uid_t user, uid_t reserved) {
  constexpr timespec moment{.tv_sec = 0, .tv_nsec = 1'000'000};
  // Where a change of the user leaves capabilities, all processes would be killed.
  if (!act_as(user, reserved) || !drop_capabilities(true))
    return false;
  // -1: all that this user may signal, but the caller. None escapes by a fork, which fails where a signal
  // that kills is pending. Nobody may be there to reap what is left, so an end.
  for (int tries = 0; tries < 5 && ::kill(-1, SIGKILL) == 0; ++tries)
    ::nanosleep(&moment, nullptr);
  return true;
}

} // namespace

// Where this process is root of a user namespace only, few ids exist.
std::unique_ptr<user_block> user_block::take(std::string& why, const fs::path& folder) {
  if (!can_apply({.user = nobodys})) {
    why = "this process may not become user " + std::to_string(nobodys.uid);
    return nullptr;
  }
  std::error_code ec;
  fs::create_directories(folder, ec);
  for (unsigned n = 0; n < blocks; ++n) {
    const auto file = folder / ("users-" + std::to_string(n) + ".lock");
    base::unique_fd lock(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!lock) {
      why = file.string() + ": " + std::strerror(errno);
      return nullptr;
    }
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
      continue;
    machine_name name = take_machine_name("hotslot-users-" + std::to_string(n));
    if (!name.is_anothers)
      return std::unique_ptr<user_block>(
          new user_block(std::move(lock), std::move(name.taken), first + n * size));
  }
  why = "all of " + (folder / "users-*.lock").string() + " are taken by other servers";
  return nullptr;
}

user_block::user_block(base::unique_fd lock, base::unique_fd name, uid_t begin)
  : lock_(std::move(lock))
  , name_(std::move(name))
  , begin_(begin)
  , ids_(size) {
  for (const uid_t user : users_with_processes(begin + 1, begin + size)) {
    mark_taken(user);
    release(user);
  }
}

bool user_block::kill_all_of(uid_t user) noexcept {
  assert(user != 0 && user != begin_);
  const std::lock_guard lock(killing_);
  return in_child([=, this] { return kill_all(user, begin_); });
}

void user_block::mark_taken(uid_t user) noexcept { ids_[user - begin_] = id_state::taken; }

std::optional<uid_t> user_block::acquire_free() noexcept {
  const std::lock_guard lock(mutex_);
  for (std::size_t tried = 0; tried < ids_.size(); ++tried) {
    const std::size_t n = std::exchange(next_, (next_ + 1) % ids_.size());
    if (n != 0 && ids_[n] == id_state::free) {
      ids_[n] = id_state::taken;
      return begin_ + static_cast<uid_t>(n);
    }
  }
  return std::nullopt;
}

std::optional<uid_t> user_block::acquire() {
  if (const auto user = acquire_free())
    return user;
  release_unkilled();
  return acquire_free();
}

void user_block::release(uid_t user) noexcept {
  if (give_back(user))
    release_unkilled();
}

bool user_block::give_back(uid_t user) noexcept {
  const bool killed = kill_all_of(user);
  const std::lock_guard lock(mutex_);
  ids_[user - begin_] = killed ? id_state::free : id_state::unkilled;
  unkilled_ += !killed;
  return killed;
}

void user_block::release_unkilled() noexcept {
  while (const auto user = take_unkilled()) {
    if (!give_back(*user))
      return; // as it will the others
  }
}

std::optional<uid_t> user_block::take_unkilled() noexcept {
  const std::lock_guard lock(mutex_);
  if (unkilled_ == 0)
    return std::nullopt;
  const auto found = std::find(ids_.begin(), ids_.end(), id_state::unkilled);
  *found = id_state::taken;
  --unkilled_;
  return begin_ + static_cast<uid_t>(found - ids_.begin());
}

std::size_t user_block::in_use() const noexcept {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(
      std::count_if(ids_.begin(), ids_.end(), [](id_state s) { return s != id_state::free; }));
}

} // namespace hotslot::process::detail
