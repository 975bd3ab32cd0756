// What the system is asked for, and what it has refused.
#pragma once

#include <hotslot/process/errc.hpp>

#include <boost/system/system_error.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace hotslot::process::detail {

/// Throws `errc::spawn_failed`: `what`, and the reason in errno.
[[noreturn]] inline void throw_errno(const std::string& what) {
  const std::string reason = std::strerror(errno);
  throw boost::system::system_error(errc::spawn_failed, what + ": " + reason);
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
