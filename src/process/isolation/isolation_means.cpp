#include "isolation_means.hpp"

#include "process/spawn/child_limits.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

namespace hotslot::process::detail {
namespace {

namespace fs = std::filesystem;

// Where, does not matter: no other process sees it.
bool may_mount() {
  std::error_code ec;
  for (const char* place : {"/tmp", "/run", "/dev"})
    if (fs::is_directory(place, ec))
      return can_apply({.tmp = place, .tmp_options = "mode=0700,size=1m"});
  return false;
}

// What is not there yet is no reason to give more than is needed once it is.
bool others_may(const fs::path& file, mode_t what) {
  struct stat s {};
  return ::stat(file.c_str(), &s) == 0 ? (s.st_mode & what) == what : errno == ENOENT || errno == ENOTDIR;
}

bool others_may_reach(const fs::path& file) {
  for (fs::path p = file.parent_path();; p = p.parent_path()) {
    if (!others_may(p, S_IXOTH))
      return false;
    if (p == p.parent_path())
      return true;
  }
}

fs::path directory_of(const function_spec& spec) {
  return spec.dir.empty() ? fs::current_path() : fs::absolute(spec.dir);
}

// Empty where it is looked up in the PATH of the function.
fs::path program_of(const function_spec& spec) {
  const fs::path program(spec.command.empty() ? std::string() : spec.command.front());
  return program.has_parent_path() ? directory_of(spec) / program : fs::path();
}

fs::path find_program(const fs::path& program) {
  if (program.has_parent_path())
    return fs::absolute(program); // it is run elsewhere
  for (const char* folder : {"/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/bin", "/sbin"}) {
    fs::path candidate = folder / program;
    if (::access(candidate.c_str(), X_OK) == 0)
      return candidate;
  }
  return {};
}

limited_by processes_limit(const isolation_choice& chosen, const isolation_means& means) {
  if (means.groups)
    return limited_by::group;
  return chosen.own_user ? limited_by::rlimit : limited_by::nothing; // which counts what its user has
}

} // namespace

isolation_means isolation_means::find() {
  isolation_means means;
  means.root = ::geteuid() == 0;
  means.mounts = means.root && may_mount();
  if (means.root)
    means.users = user_block::take(means.no_users);
  means.groups = group_tree::take();
  return means;
}

bool reachable_by_others(const function_spec& spec, const fs::path& root) {
  const fs::path dir = directory_of(spec);
  if (!others_may(dir, S_IXOTH) || !others_may_reach(dir) || !others_may(root, S_IXOTH) ||
      !others_may_reach(root))
    return false;
  const fs::path file = program_of(spec);
  return file.empty() || (others_may(file, S_IXOTH) && others_may_reach(file));
}

fs::path missing_part(const function_spec& spec) {
  if (spec.isolation.sandbox == sandbox_kind::oci)
    return {};
  std::error_code ec;
  for (const auto& part : {directory_of(spec), program_of(spec)})
    if (!part.empty() && !fs::exists(part, ec) && !ec)
      return part;
  return {};
}

// A bundle says itself who it runs as.
user_policy choose_user(const isolation_means* means, const function_spec& spec, const fs::path& root) {
  const isolation& asked = spec.isolation;
  if (asked.user != user_policy::automatic)
    return asked.user;
  const bool reachable =
      asked.sandbox == sandbox_kind::oci ? asked.bundle.empty() : reachable_by_others(spec, root);
  return means && means->users && reachable ? user_policy::own : user_policy::same;
}

isolation_choice choose_isolation(const isolation_means* means, const function_spec& spec,
                                  const fs::path& root) {
  const isolation& asked = spec.isolation;
  const bool contained = asked.sandbox == sandbox_kind::oci;
  isolation_choice chosen;
  if (asked.user == user_policy::given && (::geteuid() == 0 || asked.given.uid != ::geteuid()))
    chosen.given = asked.given;
  chosen.own_user = means && means->users && choose_user(means, spec, root) == user_policy::own;
  if (contained)
    chosen.memory = chosen.processes = limited_by::container;
  if (!contained && means && asked.max_processes != 0)
    chosen.processes = processes_limit(chosen, *means);
  if (!contained && asked.limit_memory)
    chosen.memory = means && means->groups ? limited_by::group : limited_by::rlimit;
  chosen.mounts_tmp = asked.tmp_mb != 0 && !contained && means && means->mounts;
  chosen.tmp_is_bounded = chosen.mounts_tmp || (asked.tmp_mb != 0 && asked.sandbox != sandbox_kind::none);
  return chosen;
}

fs::path sandbox_program(const isolation& of) {
  switch (of.sandbox) {
  case sandbox_kind::bwrap:
    return find_program("bwrap");
  case sandbox_kind::oci:
    return find_program(of.runtime);
  default:
    return {};
  }
}

std::vector<std::string> runtime_environment() {
  return {"LANG=C.UTF-8", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"};
}

} // namespace hotslot::process::detail
