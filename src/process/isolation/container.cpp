#include "container.hpp"

#include "isolation_means.hpp"
#include "tmpfs.hpp"

#include "base/file.hpp"

#include <hotslot/process/contract.hpp>
#include <hotslot/process/errc.hpp>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_from.hpp>
#include <boost/system/system_error.hpp>

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <stdexcept>
#include <string>
#include <utility>

namespace hotslot::process::detail {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using boost::system::system_error;

constexpr const char* runtime_name = "runtime";
constexpr std::size_t longest_bundle = 4 * 1024 * 1024;

[[noreturn]] void fail(errc code, const std::string& what) { throw system_error(code, what); }

json::object mount_of(std::string_view at, std::string_view type, std::string_view source,
                      std::initializer_list<json::value_ref> options) {
  return {{"destination", at}, {"type", type}, {"source", source}, {"options", json::array(options)}};
}

json::object socket_mount(const fs::path& directory) {
  return mount_of(directory.native(), "bind", directory.native(),
                  {"bind", "rw", "nosuid", "nodev", "noexec"});
}

json::object memory_mount(std::string_view at, json::array options, std::uint64_t mb,
                          const std::optional<user_ids>& owner = {}) {
  json::object mount = mount_of(at, "tmpfs", "tmpfs", {});
  for (const auto& option : tmpfs_options(mb, owner))
    options.emplace_back(option);
  mount["options"] = std::move(options);
  return mount;
}

json::array mounts_of(const contained_worker& worker) {
  json::array mounts{mount_of("/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}),
                     memory_mount("/dev", {"nosuid", "strictatime", "mode=755"}, 1),
                     memory_mount("/dev/shm", {"nosuid", "noexec", "nodev", "mode=1777"}, 16)};
  // Owned, since a runtime may take the mode of what is there.
  if (const auto mb = worker.spec.isolation.tmp_mb)
    mounts.push_back(
        memory_mount("/tmp", {"nosuid", "nodev", "mode=0755"}, mb, worker.user.value_or(user_ids{})));
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

std::string read_bundle(const fs::path& file) {
  try {
    return base::read_file(file, longest_bundle);
  } catch (const std::runtime_error& e) {
    fail(errc::isolation_unavailable, file.string() + ": " + e.what());
  }
}

// As its maker has it.
json::object from_bundle(const fs::path& bundle) {
  const fs::path file = bundle / "config.json";
  boost::system::error_code ec;
  json::value config = json::parse(read_bundle(file), ec);
  if (ec || !config.is_object() || !config.as_object()["root"].is_object() ||
      !config.as_object()["root"].as_object()["path"].is_string())
    fail(errc::isolation_unavailable, file.string() + " is not the configuration of an OCI bundle");
  auto& path = config.as_object()["root"].as_object()["path"];
  // Without "..", which runc 1.1.15 in Debian 13 mounts at another place.
  std::error_code unknown;
  path = fs::weakly_canonical(fs::absolute(bundle / std::string(path.as_string())), unknown).native();
  if (unknown)
    fail(errc::isolation_unavailable, bundle.string() + ": " + unknown.message());
  return std::move(config.as_object());
}

void set_user(json::object& config, const contained_worker& worker) {
  if (worker.user)
    part<json::object>(config, "process")["user"] = {{"uid", worker.user->uid},
                                                     {"gid", worker.user->gid},
                                                     {"additionalGids", json::value_from(worker.groups)}};
}

std::string_view name_of(std::string_view variable) { return variable.substr(0, variable.find('=')); }

// Each variable once: ours in place of the bundle's, unless it is a default.
void set_environment(json::object& process, const spawn_request& request, const function_spec& spec) {
  auto& all = part<json::array>(process, "env");
  for (const auto& variable : request.environment) {
    const auto same = std::find_if(all.begin(), all.end(), [&](const json::value& other) {
      return other.is_string() && name_of(other.get_string()) == name_of(variable);
    });
    if (same == all.end())
      all.emplace_back(variable);
    else if (!is_default_variable(spec, name_of(variable)))
      *same = variable;
  }
}

// What the contract asks of any container.
void add_contract(json::object& config, const spawn_request& request, const contained_worker& worker) {
  auto& process = part<json::object>(config, "process");
  process["terminal"] = false;
  process["args"] = json::value_from(request.command);
  set_environment(process, request, worker.spec);
  part<json::array>(config, "mounts").push_back(socket_mount(worker.directory));
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

std::string id_of(const fs::path& container) { return container.stem().string(); }

// It sets those of the function.
child_limits of_runtime() { return {.core_dumps = true, .no_new_privs = false, .keep_capabilities = true}; }

std::string state_of(const fs::path& container) { return (container / "state").string(); }

} // namespace

fs::path container_directory(const fs::path& worker_directory) {
  return fs::path(worker_directory) += container_suffix;
}

void put_container_around(spawn_request& request, const contained_worker& worker) {
  const isolation& asked = worker.spec.isolation;
  const fs::path runtime = sandbox_program(asked);
  const fs::path container = container_directory(worker.directory);
  auto config = asked.bundle.empty() ? from_rootfs(worker) : from_bundle(asked.bundle);
  set_user(config, worker);
  add_contract(config, request, worker);
  make(container, runtime);
  write(container / "config.json", config);
  request.command = {runtime.string(), "--root",           state_of(container), "run",
                     "--bundle",       container.string(), id_of(container)};
  request.environment = runtime_environment(); // the function's is in the configuration
  request.dir = "/";
  request.limits = of_runtime();
}

void remove_container(const fs::path& container) noexcept {
  try {
    std::error_code ec;
    const fs::path runtime = fs::read_symlink(container / runtime_name, ec);
    if (!ec && fs::is_directory(fs::path(state_of(container)) / id_of(container), ec))
      run_to_end({.command = {runtime.string(), "--root", state_of(container), "delete", "--force",
                              id_of(container)},
                  .environment = runtime_environment(),
                  .dir = "/",
                  .limits = of_runtime()});
    fs::remove_all(container, ec);
  } catch (const std::exception&) { // what cannot be removed now is left over for the next start
  }
}

} // namespace hotslot::process::detail
