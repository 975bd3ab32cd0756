#include "container.hpp"

#include "isolation_means.hpp"

#include <hotslot/process/errc.hpp>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_from.hpp>
#include <boost/system/system_error.hpp>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>

namespace hotslot::process::detail {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using boost::system::system_error;

constexpr const char* runtime_name = "runtime";

[[noreturn]] void fail(errc code, const std::string& what) { throw system_error(code, what); }

json::object mount_of(std::string_view at, std::string_view type, std::string_view source,
                      std::initializer_list<json::value_ref> options) {
  return {{"destination", at}, {"type", type}, {"source", source}, {"options", json::array(options)}};
}

json::object socket_mount(const fs::path& directory) {
  return mount_of(directory.native(), "bind", directory.native(),
                  {"bind", "rw", "nosuid", "nodev", "noexec"});
}

// Its owner is named, since a runtime may take the mode of the directory that is there.
json::object tmp_mount(std::uint32_t mb, const user_ids& user) {
  const auto option = [](std::string_view name, std::uint64_t value) {
    return std::string(name).append(std::to_string(value));
  };
  return mount_of("/tmp", "tmpfs", "tmpfs",
                  {"nosuid", "nodev", "mode=0755", option("size=", std::uint64_t(mb) << 20),
                   option("uid=", user.uid), option("gid=", user.gid)});
}

json::array mounts_of(const contained_worker& worker) {
  json::array mounts{
      mount_of("/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}),
      mount_of("/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=1m"}),
      mount_of("/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=16m"})};
  if (const auto mb = worker.spec.isolation.tmp_mb)
    mounts.push_back(tmp_mount(mb, worker.user.value_or(user_ids{})));
  return mounts;
}

json::array name_spaces_of(const isolation& asked) {
  json::array spaces;
  for (const char* type : {"pid", "ipc", "uts", "mount"})
    spaces.push_back(json::object{{"type", type}});
  if (!asked.network)
    spaces.push_back(json::object{{"type", "network"}});
  return spaces;
}

json::object limit_of(std::string_view type, std::uint64_t to) {
  return {{"type", type}, {"soft", to}, {"hard", to}};
}

json::array rlimits_of(const contained_worker& worker) {
  const isolation& asked = worker.spec.isolation;
  json::array limits;
  if (asked.max_files != 0)
    limits.push_back(limit_of("RLIMIT_NOFILE", asked.max_files));
  if (!asked.core_dumps)
    limits.push_back(limit_of("RLIMIT_CORE", 0));
  return limits;
}

// The runtime makes a group of its own for a container, with these.
json::object resources_of(const contained_worker& worker) {
  const isolation& asked = worker.spec.isolation;
  json::object resources;
  if (asked.limit_memory)
    resources["memory"] = {{"limit", worker.spec.memory_mb << 20}};
  if (asked.max_processes != 0)
    resources["pids"] = {{"limit", asked.max_processes}};
  return resources;
}

// Without root there is one user to be: the server's.
void map_user(json::object& linux_part, const user_ids& inside) {
  const auto mapping = [](std::uint32_t within, std::uint32_t without) {
    return json::array{json::object{{"containerID", within}, {"hostID", without}, {"size", 1}}};
  };
  linux_part["namespaces"].as_array().push_back(json::object{{"type", "user"}});
  linux_part["uidMappings"] = mapping(inside.uid, ::geteuid());
  linux_part["gidMappings"] = mapping(inside.gid, ::getegid());
}

json::object from_rootfs(const contained_worker& worker) {
  const fs::path& files = worker.spec.isolation.rootfs;
  const user_ids user = worker.user.value_or(user_ids{});
  std::error_code ec;
  const bool has_dir = fs::is_directory(files / worker.spec.dir.relative_path(), ec);
  json::object linux_part{
      {"namespaces", name_spaces_of(worker.spec.isolation)},
      {"resources", resources_of(worker)},
      {"maskedPaths", {"/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/sched_debug"}},
      {"readonlyPaths", {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}}};
  if (::geteuid() != 0)
    map_user(linux_part, user);
  return {{"ociVersion", "1.0.2"},
          {"root", {{"path", fs::absolute(files).native()}, {"readonly", true}}},
          {"hostname", "function"},
          {"process",
           {{"user", {{"uid", user.uid}, {"gid", user.gid}}},
            {"cwd", has_dir ? worker.spec.dir.native() : "/"},
            {"capabilities", json::object()},
            {"rlimits", rlimits_of(worker)},
            {"noNewPrivileges", worker.spec.isolation.no_new_privs}}},
          {"mounts", mounts_of(worker)},
          {"linux", std::move(linux_part)}};
}

template <class T>
T& part(json::object& of, std::string_view name) {
  json::value& v = of[name];
  if constexpr (std::is_same_v<T, json::array>)
    return v.is_array() ? v.as_array() : v.emplace_array();
  else
    return v.is_object() ? v.as_object() : v.emplace_object();
}

// As its maker has it.
json::object from_bundle(const fs::path& bundle) {
  const fs::path file = bundle / "config.json";
  std::ifstream in(file, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  boost::system::error_code ec;
  json::value config = json::parse(text, ec);
  if (ec || !config.is_object() || !config.as_object()["root"].is_object() ||
      !config.as_object()["root"].as_object()["path"].is_string())
    fail(errc::isolation_unavailable, file.string() + " is not the configuration of an OCI bundle");
  auto& path = config.as_object()["root"].as_object()["path"];
  path = fs::absolute(bundle / std::string(path.as_string())).native();
  return std::move(config.as_object());
}

void set_user(json::object& config, const user_ids& user) {
  part<json::object>(config, "process")["user"] = {{"uid", user.uid}, {"gid", user.gid}};
}

// What the contract asks of any container.
void add_contract(json::object& config, const spawn_request& request, const fs::path& directory) {
  auto& process = part<json::object>(config, "process");
  process["terminal"] = false;
  process["args"] = json::value_from(request.command);
  auto& environment = part<json::array>(process, "env");
  for (const auto& variable : request.environment)
    environment.emplace_back(variable);
  part<json::array>(config, "mounts").push_back(socket_mount(directory));
}

void write(const fs::path& file, const json::object& config) {
  std::ofstream out(file, std::ios::binary);
  out << json::serialize(config);
  if (!out.flush())
    fail(errc::spawn_failed, "cannot write " + file.string());
}

void make(const fs::path& container, const fs::path& runtime) {
  std::error_code ec;
  fs::create_directory(container, ec);
  if (!ec)
    fs::permissions(container, fs::perms::owner_all, ec);
  if (!ec)
    fs::create_symlink(runtime, container / runtime_name, ec);
  if (ec)
    fail(errc::spawn_failed, container.string() + ": " + ec.message());
}

std::string name_of(const fs::path& container) { return container.stem().string(); }

std::string state_of(const fs::path& container) { return (container / "state").string(); }

// One that does not end is killed: nothing may wait for it for ever.
void wait_for_end(pid_t pid) {
  const base::unique_fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  pollfd ended{.fd = process.get(), .events = POLLIN, .revents = 0};
  constexpr int longest_ms = 10'000;
  if (::poll(&ended, 1, longest_ms) == 0)
    ::kill(pid, SIGKILL);
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR)
    ;
}

void run_quietly(std::vector<std::string> command) {
  std::vector<char*> arguments;
  for (auto& word : command)
    arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    ::posix_spawn_file_actions_addopen(&files, fd, "/dev/null", O_RDWR, 0);
  std::array<char*, 1> environment{nullptr};
  pid_t pid = -1;
  if (::posix_spawn(&pid, arguments.front(), &files, nullptr, arguments.data(), environment.data()) == 0)
    wait_for_end(pid);
  ::posix_spawn_file_actions_destroy(&files);
}

} // namespace

fs::path container_directory(const fs::path& worker_directory) {
  return fs::path(worker_directory) += container_suffix;
}

void put_container_around(spawn_request& request, const contained_worker& worker) {
  const isolation& asked = worker.spec.isolation;
  const fs::path runtime = sandbox_program(asked);
  const fs::path container = container_directory(worker.directory);
  auto config = asked.bundle.empty() ? from_rootfs(worker) : from_bundle(asked.bundle);
  if (!asked.bundle.empty() && worker.user)
    set_user(config, *worker.user);
  add_contract(config, request, worker.directory);
  make(container, runtime);
  write(container / "config.json", config);
  request.command = {runtime.string(), "--root",           state_of(container), "run",
                     "--bundle",       container.string(), name_of(container)};
  request.dir = "/";
  request.limits = {.core_dumps = true, .no_new_privs = false}; // the runtime sets those of the function
}

void remove_container(const fs::path& container) noexcept {
  try {
    std::error_code ec;
    const fs::path runtime = fs::read_symlink(container / runtime_name, ec);
    if (!ec && fs::is_directory(fs::path(state_of(container)) / name_of(container), ec))
      run_quietly({runtime.string(), "--root", state_of(container), "delete", "--force", name_of(container)});
    fs::remove_all(container, ec);
  } catch (const std::exception&) { // what cannot be removed now is left over for the next start
  }
}

} // namespace hotslot::process::detail
