#include "daemon/service/socket_directory.hpp"

#include "catch.hpp"
#include "joining_thread.hpp"

#include <boost/system/system_error.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <thread>
#include <vector>

using hotslot::daemon::socket_directory;
namespace fs = std::filesystem;

namespace {

// As systemd-tmpfiles tries before it removes what is in a directory, and the directory.
bool is_locked(const fs::path& directory) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY);
  const bool locked = ::flock(fd, LOCK_EX | LOCK_NB) != 0;
  ::close(fd);
  return locked;
}

ino_t inode_of(const fs::path& path) {
  struct stat s {};
  ::stat(path.c_str(), &s);
  return s.st_ino;
}

struct sockets_folder {
  sockets_folder() {
    char name[] = "/tmp/hotslot-sockets-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~sockets_folder() { fs::remove_all(path); }

  fs::path path;
};

} // namespace

TEST_CASE("a private directory is not taken for one that was left while other servers start") {
  std::atomic<int> lost = 0;
  std::vector<joining_thread> servers;
  for (int i = 0; i < 4; ++i)
    servers.emplace_back([&] {
      for (int start = 0; start < 100; ++start) {
        const socket_directory own({}, false);
        lost += !fs::exists(own.path());
      }
    });
  servers.clear();
  CHECK(lost == 0);
}

TEST_CASE("a private directory goes with its server") {
  fs::path path;
  {
    const socket_directory own({}, false);
    path = own.path();
    CHECK(fs::is_directory(path));
  }
  CHECK_FALSE(fs::exists(path));
}

// 14.14
TEST_CASE("a directory that was removed is made again, as it was") {
  const sockets_folder top;
  for (const bool configured : {false, true}) {
    INFO(configured);
    const auto where = configured ? std::optional(top.path / "sockets") : std::nullopt;
    socket_directory own(where, true);
    CHECK(is_locked(own.path()));
    const auto before = inode_of(own.path());
    own.restore();
    CHECK(inode_of(own.path()) == before);
    for (int times = 0; times < 2; ++times) {
      fs::remove_all(own.path());
      own.restore();
      CHECK(is_locked(own.path()));
      CHECK(fs::status(own.path()).permissions() ==
            (fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec));
    }
  }
}

// 14.14
TEST_CASE("what somebody else has made in its place is not taken") {
  const sockets_folder top;
  for (const bool configured : {false, true}) {
    INFO(configured);
    const auto where = configured ? std::optional(top.path / "sockets") : std::nullopt;
    fs::path path;
    {
      socket_directory own(where, false);
      path = own.path();
      fs::remove_all(path);
      fs::create_directory(path);
      fs::create_directory(path / "of-others");
      fs::permissions(path, fs::perms::all);
      CHECK_THROWS_AS(own.restore(), boost::system::system_error);
    }
    CHECK(fs::exists(path / "of-others"));
    fs::remove_all(path);
  }
}
