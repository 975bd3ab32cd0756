// What the system is asked for, and what it has refused.
#pragma once

#include <hotslot/process/errc.hpp>

#include <boost/system/system_error.hpp>

#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <span>
#include <string>

namespace hotslot::process::detail {

/// Throws `errc::spawn_failed`: `what`, and the reason in errno.
[[noreturn]] inline void throw_errno(const std::string& what) {
  const std::string reason = std::strerror(errno);
  throw boost::system::system_error(errc::spawn_failed, what + ": " + reason);
}

/// Of the calling thread, by the kernel's own call: the C library would make all threads follow.
/// Async-signal-safe.
inline bool set_users(uid_t real, uid_t effective, uid_t saved) noexcept {
#ifdef SYS_setresuid32
  return ::syscall(SYS_setresuid32, real, effective, saved) == 0; // the older call takes 16 bits
#else
  return ::syscall(SYS_setresuid, real, effective, saved) == 0;
#endif
}

/// The same of groups: `group`, `others`, and no more.
inline bool set_groups(gid_t group, std::span<const gid_t> others) noexcept {
#ifdef SYS_setresgid32
  return ::syscall(SYS_setgroups32, others.size(), others.data()) == 0 &&
         ::syscall(SYS_setresgid32, group, group, group) == 0;
#else
  return ::syscall(SYS_setgroups, others.size(), others.data()) == 0 &&
         ::syscall(SYS_setresgid, group, group, group) == 0;
#endif
}

/// Whether `action()`, async-signal-safe, returned true in a child. Blocks until that has ended.
template <class Action>
bool in_child(Action action) noexcept {
  const pid_t helper = ::fork();
  if (helper == 0)
    ::_exit(action() ? 0 : 1);
  int status = -1;
  while (helper > 0 && ::waitpid(helper, &status, 0) < 0 && errno == EINTR)
    ;
  return helper > 0 && status == 0;
}

} // namespace hotslot::process::detail
