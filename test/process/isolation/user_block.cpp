#include "process/isolation/user_block.hpp"
#include "process/isolation/machine_name.hpp"

#include "own_users.hpp"

#include "catch.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

namespace user_block_test {

using hotslot::process::detail::machine_name;
using hotslot::process::detail::take_machine_name;
using hotslot::process::detail::user_block;
using process_test::processes_of;
using process_test::rounds;

// Goes away with all that is in it.
class locks {
 public:
  locks() { REQUIRE(::mkdtemp(path_.data())); }
  ~locks() { std::filesystem::remove_all(path_); }
  std::filesystem::path operator/(const char* name) const { return std::filesystem::path(path_) / name; }

 private:
  std::string path_ = std::filesystem::temp_directory_path() / "hotslot-locks-XXXXXX";
};

bool become(uid_t user) { return ::syscall(SYS_setresuid, user, user, user) == 0; }

// Two processes of that user that no parent of theirs ends: one in its session, one that has left it.
void leave_strays(uid_t user) {
  int ready[2];
  REQUIRE(::pipe2(ready, O_CLOEXEC) == 0);
  const pid_t parent = ::fork();
  if (parent == 0) {
    if (!become(user))
      ::_exit(1);
    for (int n = 0; n < 2; ++n) {
      if (::fork() == 0) {
        if (n != 0)
          ::setsid();
        const char done = 1;
        [[maybe_unused]] const auto written = ::write(ready[1], &done, 1);
        for (;;)
          ::pause();
      }
    }
    ::_exit(0);
  }
  int status = -1;
  REQUIRE(::waitpid(parent, &status, 0) == parent);
  REQUIRE(status == 0);
  ::close(ready[1]);
  for (int n = 0; n < 2; ++n) {
    char done = 0;
    REQUIRE(::read(ready[0], &done, 1) == 1);
  }
  ::close(ready[0]);
}

// 14.1: those who kill for two workers at once used to kill each other.
TEST_CASE("users that are given back at once leave no process, and no id is lost", "[user_block]") {
  std::string why;
  const auto block = user_block::take(why);
  if (!block) {
    WARN("skipped: " << why);
    return;
  }
  constexpr std::size_t at_once = 4;
  for (std::size_t round = 0; round < rounds(); ++round) {
    std::vector<uid_t> users;
    for (std::size_t n = 0; n < at_once; ++n) {
      users.push_back(block->acquire().value());
      leave_strays(users.back());
    }
    std::array<std::thread, at_once> threads;
    for (std::size_t n = 0; n < at_once; ++n)
      threads[n] = std::thread([&, n] { block->release(users[n]); });
    for (auto& t : threads)
      t.join();
    REQUIRE(block->in_use() == 0);
    while (processes_of({users.begin(), users.end()}) != 0)
      std::this_thread::yield(); // what was killed takes its moment
  }
}

// As in a chroot, from where the others' processes are seen, but not their locks.
TEST_CASE("servers that do not see each other's locks take no block twice", "[user_block]") {
  const locks folder;
  std::string why;
  const auto first = user_block::take(why, folder / "a");
  if (!first) {
    WARN("skipped: " << why);
    return;
  }
  const auto second = user_block::take(why, folder / "b");
  REQUIRE(second);
  CHECK(first->acquire().value() / user_block::size != second->acquire().value() / user_block::size);
}

// Else anybody could take all names.
TEST_CASE("who is not root keeps no block from root", "[user_block]") {
  const locks folder;
  std::string why;
  if (!user_block::take(why, folder / "a")) {
    WARN("skipped: " << why);
    return;
  }
  int ready[2];
  REQUIRE(::pipe2(ready, O_CLOEXEC) == 0);
  const pid_t squatter = ::fork();
  if (squatter == 0) {
    std::vector<machine_name> names;
    const bool left = become(12345);
    for (unsigned n = 0; left && n < user_block::blocks; ++n)
      names.push_back(take_machine_name("hotslot-users-" + std::to_string(n)));
    const char done = left ? 1 : 0;
    [[maybe_unused]] const auto written = ::write(ready[1], &done, 1);
    for (;;)
      ::pause();
  }
  char done = 0;
  CHECK(::read(ready[0], &done, 1) == 1);
  CHECK(done == 1);
  CHECK(user_block::take(why, folder / "c"));
  ::kill(squatter, SIGKILL);
  int status = 0;
  ::waitpid(squatter, &status, 0);
  ::close(ready[0]);
  ::close(ready[1]);
}

} // namespace user_block_test
