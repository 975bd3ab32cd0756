// What hotslotd takes from whoever starts it, and tells them.
#include "daemon/service/activation.hpp"
#include "daemon/service/service_manager.hpp"

#include "catch.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <string>
#include <utility>
#include <vector>

using namespace hotslot::daemon;
using Catch::Matchers::ContainsSubstring;

namespace {

const std::string pid = std::to_string(::getpid());

// Sets them, and sees to it that none is left.
class variables {
 public:
  variables(std::initializer_list<std::pair<const std::string, std::string>> values)
    : values_(values) {
    for (const auto& [name, value] : values_)
      ::setenv(name.c_str(), value.c_str(), 1);
  }
  ~variables() {
    for (const auto& [name, value] : values_)
      CHECK(std::getenv(name.c_str()) == nullptr);
  }

 private:
  const std::map<std::string, std::string> values_;
};

// The other end of NOTIFY_SOCKET.
class manager_socket {
 public:
  explicit manager_socket(const std::string& name) {
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    name.copy(at.sun_path, sizeof at.sun_path - 1);
    if (name.front() == '@')
      at.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    REQUIRE(::bind(fd_, reinterpret_cast<const sockaddr*>(&at), size) == 0);
  }
  ~manager_socket() { ::close(fd_); }

  std::string receive() const {
    char bytes[4096];
    const auto n = ::recv(fd_, bytes, sizeof bytes, MSG_DONTWAIT);
    return n < 0 ? "" : std::string(bytes, static_cast<std::size_t>(n));
  }

 private:
  const int fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
};

} // namespace

TEST_CASE("without a service manager nothing is told") {
  const service_manager none;
  none.ready("x");
  none.alive();
  CHECK_FALSE(none.watchdog());
}

TEST_CASE("the service manager is told, at a path or an abstract name") {
  const std::string path = std::filesystem::temp_directory_path() / ("hotslot-notify-" + pid);
  for (const std::string& name : {path, "@hotslot-notify-" + pid}) {
    const manager_socket there(name);
    const variables v{{"NOTIFY_SOCKET", name}};
    const service_manager manager;
    manager.ready("serving\nMAINPID=1");
    CHECK(there.receive() == "READY=1\nSTATUS=serving\\nMAINPID=1");
    manager.reloading();
    CHECK_THAT(there.receive(), Catch::Matchers::Matches("RELOADING=1\nMONOTONIC_USEC=[0-9]+"));
    manager.stopping("bye", std::chrono::seconds(3));
    CHECK(there.receive() == "STOPPING=1\nEXTEND_TIMEOUT_USEC=3000000\nWATCHDOG_USEC=3000000\nSTATUS=bye");
    manager.alive();
    CHECK(there.receive() == "WATCHDOG=1");
    for (int i = 0; i < 10'000; ++i) // a manager that does not read holds nobody up
      manager.alive();
  }
  std::filesystem::remove(path);
}

TEST_CASE("a watchdog of another process is none of ours") {
  {
    const variables v{{"WATCHDOG_USEC", "3000000"}, {"WATCHDOG_PID", pid}};
    CHECK(service_manager().watchdog() == std::chrono::seconds(3));
  }
  {
    const variables v{{"WATCHDOG_USEC", "3000000"}, {"WATCHDOG_PID", "1"}};
    CHECK_FALSE(service_manager().watchdog());
  }
  const variables v{{"WATCHDOG_USEC", "soon"}};
  CHECK_THROWS_WITH(service_manager(), ContainsSubstring("WATCHDOG_USEC must be a whole number"));
}

TEST_CASE("a notify socket that makes no sense is told") {
  for (const std::string& name : {std::string("relative"), std::string("/"), "/" + std::string(108, 'x')}) {
    const variables v{{"NOTIFY_SOCKET", name}};
    CHECK_THROWS_WITH(service_manager(), ContainsSubstring("NOTIFY_SOCKET must be"));
  }
}

namespace {

activated_sockets activated(const std::string& count, const std::string& names,
                            const std::string& who = pid) {
  const variables v{{"LISTEN_PID", who}, {"LISTEN_FDS", count}, {"LISTEN_FDNAMES", names}};
  return take_activated_sockets();
}

struct activation_row {
  std::string count, names;
  std::vector<int> listen, admin;
};

} // namespace

TEST_CASE("sockets are told apart by their names, or come in order") {
  for (const auto& row :
       {activation_row{"1", "", {3}, {}}, activation_row{"2", "", {3}, {4}},
        activation_row{"2", "hotslotd.socket:hotslotd.socket", {3}, {4}},
        activation_row{"1", "admin", {}, {3}}, activation_row{"1", "listen", {3}, {}},
        activation_row{"2", "admin:listen", {4}, {3}},
        activation_row{"4", "listen:admin:listen:admin", {3, 5}, {4, 6}}, activation_row{"0", "", {}, {}}}) {
    CAPTURE(row.count, row.names);
    const auto got = activated(row.count, row.names);
    CHECK(got.listen == row.listen);
    CHECK(got.admin == row.admin);
  }
  CHECK(activated("1", "", "1").listen.empty()); // another process's
}

TEST_CASE("sockets that cannot be told apart are refused") {
  CHECK_THROWS_WITH(activated("3", ""), ContainsSubstring("LISTEN_FDS must be 1 or 2"));
  CHECK_THROWS_WITH(activated("x", ""), ContainsSubstring("LISTEN_FDS must be a whole number"));
  for (const char* names : {"listen:other", "admin:"})
    CHECK_THROWS_WITH(activated("2", names), ContainsSubstring("LISTEN_FDNAMES must name"));
  CHECK_THROWS_WITH(activated("1", "listen:admin"), ContainsSubstring("as many names"));
}
