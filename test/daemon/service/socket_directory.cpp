#include "daemon/service/socket_directory.hpp"

#include "catch.hpp"

#include <atomic>
#include <filesystem>
#include <thread>
#include <vector>

using hotslot::daemon::socket_directory;

TEST_CASE("a private directory is not taken for one that was left while other servers start") {
  std::atomic<int> lost = 0;
  std::vector<std::jthread> servers;
  for (int i = 0; i < 4; ++i)
    servers.emplace_back([&] {
      for (int start = 0; start < 100; ++start) {
        const socket_directory own({}, false);
        lost += !std::filesystem::exists(own.path() / ".lock");
      }
    });
  servers.clear();
  CHECK(lost == 0);
}

TEST_CASE("a private directory goes with its server") {
  std::filesystem::path path;
  {
    const socket_directory own({}, false);
    path = own.path();
    CHECK(std::filesystem::is_directory(path));
  }
  CHECK_FALSE(std::filesystem::exists(path));
}
