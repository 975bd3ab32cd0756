#include "child_limits.hpp"

#include "system.hpp"

#include "base/descriptors.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace hotslot::process::detail {
namespace {

// Where the process may not have more than it has, that is the limit.
bool set_limit(int what, const std::optional<std::uint64_t>& to) noexcept {
  if (!to)
    return true;
  const auto resource = static_cast<__rlimit_resource>(what);
  rlimit limit{.rlim_cur = *to, .rlim_max = *to};
  if (::setrlimit(resource, &limit) == 0)
    return true;
  return ::getrlimit(resource, &limit) == 0 && limit.rlim_max <= *to;
}

// Programs take the lower limit for what they need to look at, or close.
bool restore_descriptor_limit() noexcept {
  const auto given = base::given_descriptor_limit();
  rlimit limit{};
  if (!given)
    return true;
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return false;
  limit.rlim_cur = *given;
  return ::setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

bool mount_tmpfs(const char* at, const child_limits& limits) noexcept {
  return ::mount("tmpfs", at, "tmpfs", MS_NOSUID | MS_NODEV, limits.tmp_options.c_str()) == 0;
}

bool mount_tmp(const child_limits& limits) noexcept {
  return ::unshare(CLONE_NEWNS | CLONE_NEWIPC) == 0 &&
         ::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) == 0 && // the machine sees nothing of it
         mount_tmpfs(limits.tmp.c_str(), limits) && (mount_tmpfs("/dev/shm", limits) || errno == ENOENT);
}

bool become(const user_ids& user, const std::vector<gid_t>& groups) noexcept {
  return set_groups(user.gid, groups) && set_users(user.uid, user.uid, user.uid);
}

void empty_bounding_set() noexcept {
  for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability)
    ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
}

// The server's may spare it what its functions have to risk. To less than it has been given a process may not
// go back.
void reset_oom_score() noexcept {
  const base::unique_fd score(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  if (score) [[maybe_unused]]
    const auto written = ::write(score.get(), "0", 1);
}

} // namespace

bool drop_capabilities(bool all) noexcept {
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  if (!all && ::syscall(SYS_capget, &header, sets.data()) != 0)
    return false;
  for (auto& set : sets)
    set.inheritable = 0;
  return ::syscall(SYS_capset, &header, sets.data()) == 0;
}

const char* apply(const child_limits& limits) noexcept {
  reset_oom_score();
  ::umask(S_IWGRP | S_IWOTH);
  if (limits.group && ::write(limits.group.get(), "0", 1) != 1)
    return "control group";
  if (!limits.tmp.empty() && !mount_tmp(limits))
    return "temporary directory";
  if (!limits.core_dumps && !set_limit(RLIMIT_CORE, 0))
    return "core dumps";
  if (!(limits.files ? set_limit(RLIMIT_NOFILE, limits.files) : restore_descriptor_limit()))
    return "number of files";
  if (!set_limit(RLIMIT_NPROC, limits.processes))
    return "number of processes";
  if (!set_limit(RLIMIT_DATA, limits.data_bytes))
    return "memory";
  if (!limits.keep_capabilities)
    empty_bounding_set();
  if (limits.user && !become(*limits.user, limits.groups))
    return "user";
  if (!drop_capabilities(!limits.keep_capabilities))
    return "capabilities";
  if (limits.no_new_privs && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return "no_new_privs";
  return nullptr;
}

bool can_apply(const child_limits& limits) noexcept {
  return in_child([&] { return apply(limits) == nullptr; });
}

} // namespace hotslot::process::detail
