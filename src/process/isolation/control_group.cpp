#include "control_group.hpp"

#include "process/spawn/system.hpp"

#include <hotslot/process/errc.hpp>

#include <boost/system/system_error.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <set>
#include <string_view>

namespace hotslot::process::detail {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view group_prefix = "worker-";

bool write_file(const fs::path& file, std::string_view text) {
  const base::unique_fd fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
  return fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

std::set<std::string> words_of(const fs::path& file) {
  std::ifstream in(file);
  return {std::istream_iterator<std::string>(in), {}};
}

std::uint64_t number_in(const fs::path& file, std::string_view name) {
  std::ifstream in(file);
  std::string key;
  for (std::uint64_t value = 0; in >> key >> value;)
    if (key == name)
      return value;
  return 0;
}

// Where version 2 is mounted: alone, or beside version 1.
fs::path mount_point() {
  for (const char* place : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
    std::error_code ec;
    if (fs::exists(fs::path(place) / "cgroup.controllers", ec))
      return place;
  }
  return {};
}

// The line of version 2 in /proc/self/cgroup is "0::PATH".
fs::path own_group() {
  const fs::path mount = mount_point();
  std::ifstream in("/proc/self/cgroup");
  for (std::string line; !mount.empty() && std::getline(in, line);)
    if (line.starts_with("0::/"))
      return mount / line.substr(sizeof("0::/") - 1);
  return {};
}

bool has_controllers(const fs::path& list) {
  const auto words = words_of(list);
  return words.contains("memory") && words.contains("pids");
}

bool hand_limits_on(const fs::path& group) {
  return has_controllers(group / "cgroup.subtree_control") ||
         write_file(group / "cgroup.subtree_control", "+memory +pids");
}

// A group that hands limits on may hold no process: this one goes into a leaf, and back where that was in
// vain.
bool move_into_leaf(const fs::path& root) {
  const fs::path leaf = root / "server";
  std::error_code ec;
  fs::create_directory(leaf, ec);
  if (!write_file(leaf / "cgroup.procs", "0"))
    return false;
  if (hand_limits_on(root))
    return true;
  write_file(root / "cgroup.procs", "0");
  fs::remove(leaf, ec);
  return false;
}

// "worker-SERVER-WORKER", by the process id of the server.
bool is_left_over(const std::string& name) {
  if (!name.starts_with(group_prefix))
    return false;
  const auto server = static_cast<pid_t>(std::strtol(name.c_str() + group_prefix.size(), nullptr, 10));
  return server == ::getpid() || (::kill(server, 0) != 0 && errno == ESRCH);
}

// Of a server that was killed.
void remove_leftovers(const fs::path& root) {
  std::error_code ec;
  for (fs::directory_iterator it(root, ec), last; it != last; it.increment(ec))
    if (is_left_over(it->path().filename()))
      control_group(it->path()).remove();
}

// Reading it from the start is also what makes a poll wait for the next change.
bool is_populated(int events) {
  std::array<char, 256> text{};
  const auto n = ::pread(events, text.data(), text.size(), 0);
  return n > 0 && std::string_view(text.data(), static_cast<std::size_t>(n)).find("populated 1") !=
                      std::string_view::npos;
}

// Kernels before 5.14 have no cgroup.kill.
void kill_all_in(const fs::path& group) {
  if (write_file(group / "cgroup.kill", "1"))
    return;
  for (const auto& pid : words_of(group / "cgroup.procs"))
    ::kill(static_cast<pid_t>(std::strtol(pid.c_str(), nullptr, 10)), SIGKILL);
}

void empty(const fs::path& group) {
  using clock = std::chrono::steady_clock;
  const auto end = clock::now() + std::chrono::seconds(2);
  const base::unique_fd events(::open((group / "cgroup.events").c_str(), O_RDONLY | O_CLOEXEC));
  while (events && is_populated(events.get()) && clock::now() < end) {
    kill_all_in(group);
    pollfd changed{.fd = events.get(), .events = POLLPRI, .revents = 0};
    ::poll(&changed, 1, 10);
  }
}

void set(const fs::path& file, const std::string& value) {
  if (!write_file(file, value))
    throw_errno(file.string());
}

} // namespace

base::unique_fd control_group::entrance() const {
  base::unique_fd fd(::open((path_ / "cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd)
    throw_errno((path_ / "cgroup.procs").string());
  return fd;
}

bool control_group::ran_out_of_memory() const {
  return !path_.empty() && number_in(path_ / "memory.events", "oom_kill") != 0;
}

void control_group::remove() noexcept {
  if (path_.empty())
    return;
  try {
    empty(path_);
  } catch (const std::exception&) {
  }
  ::rmdir(path_.c_str());
  path_.clear();
}

std::optional<group_tree> group_tree::take() {
  fs::path root = own_group();
  if (root.filename() == "server") // a server that was started again from within
    root = root.parent_path();
  if (root.empty() || !has_controllers(root / "cgroup.controllers") || !move_into_leaf(root))
    return std::nullopt;
  remove_leftovers(root);
  return group_tree(std::move(root));
}

control_group group_tree::make(std::uint64_t worker_id, const group_limits& limits) const {
  const auto name = std::to_string(::getpid()).append("-").append(std::to_string(worker_id));
  const fs::path path = root_ / std::string(group_prefix).append(name);
  if (::mkdir(path.c_str(), 0755) != 0)
    throw_errno(path.string());
  control_group group(path);
  if (limits.memory_mb != 0) {
    set(path / "memory.max", std::to_string(limits.memory_mb << 20));
    write_file(path / "memory.swap.max", "0");  // where there is no swap there is no such file
    write_file(path / "memory.oom.group", "1"); // half a worker is none
  }
  if (limits.processes != 0)
    set(path / "pids.max", std::to_string(limits.processes));
  return group;
}

} // namespace hotslot::process::detail
