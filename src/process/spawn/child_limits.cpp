#include "child_limits.hpp"

#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

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

bool mount_tmpfs(const char* at, const child_limits& limits) noexcept {
  return ::mount("tmpfs", at, "tmpfs", MS_NOSUID | MS_NODEV, limits.tmp_options.c_str()) == 0;
}

bool mount_tmp(const child_limits& limits) noexcept {
  return ::unshare(CLONE_NEWNS | CLONE_NEWIPC) == 0 &&
         ::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) == 0 && // the machine sees nothing of it
         mount_tmpfs(limits.tmp.c_str(), limits) && (mount_tmpfs("/dev/shm", limits) || errno == ENOENT);
}

// By the kernel's own calls: those of the C library see to threads, and are not async-signal-safe.
bool become(const user_ids& user) noexcept {
  return ::syscall(SYS_setgroups, 0, nullptr) == 0 &&
         ::syscall(SYS_setresgid, user.gid, user.gid, user.gid) == 0 &&
         ::syscall(SYS_setresuid, user.uid, user.uid, user.uid) == 0;
}

} // namespace

const char* apply(const child_limits& limits) noexcept {
  if (limits.group && ::write(limits.group.get(), "0", 1) != 1)
    return "control group";
  if (!limits.tmp.empty() && !mount_tmp(limits))
    return "temporary directory";
  if (!limits.core_dumps && !set_limit(RLIMIT_CORE, 0))
    return "core dumps";
  if (!set_limit(RLIMIT_NOFILE, limits.files))
    return "number of files";
  if (!set_limit(RLIMIT_NPROC, limits.processes))
    return "number of processes";
  if (!set_limit(RLIMIT_DATA, limits.data_bytes))
    return "memory";
  if (limits.user && !become(*limits.user))
    return "user";
  if (limits.no_new_privs && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return "no_new_privs";
  return nullptr;
}

} // namespace hotslot::process::detail
