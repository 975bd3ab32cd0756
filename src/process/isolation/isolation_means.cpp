#include "isolation_means.hpp"

#include "process/spawn/system.hpp"

#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

namespace hotslot::process::detail {
namespace {

namespace fs = std::filesystem;

bool may_mount() {
  return in_child([] { return ::unshare(CLONE_NEWNS | CLONE_NEWIPC) == 0; });
}

bool others_may(const fs::path& file, mode_t what) {
  struct stat s {};
  return ::stat(file.c_str(), &s) == 0 && (s.st_mode & what) == what;
}

bool others_may_reach(const fs::path& file) {
  for (fs::path p = file.parent_path();; p = p.parent_path()) {
    if (!others_may(p, S_IXOTH))
      return false;
    if (p == p.parent_path())
      return true;
  }
}

fs::path find_program(const fs::path& program) {
  if (program.has_parent_path())
    return program;
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
  means.users = user_block::take();
  means.groups = group_tree::take();
  return means;
}

bool reachable_by_others(const function_spec& spec, const fs::path& root) {
  const fs::path dir = spec.dir.empty() ? fs::current_path() : fs::absolute(spec.dir);
  if (!others_may(dir, S_IXOTH) || !others_may_reach(dir) || !others_may(root, S_IXOTH) ||
      !others_may_reach(root))
    return false;
  const fs::path program(spec.command.empty() ? std::string() : spec.command.front());
  if (!program.has_parent_path())
    return true;
  const fs::path file = dir / program;
  return others_may(file, S_IXOTH) && others_may_reach(file);
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
  chosen.tmp_is_bounded =
      asked.tmp_mb != 0 && (asked.sandbox != sandbox_kind::none || (means && means->mounts));
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

} // namespace hotslot::process::detail
