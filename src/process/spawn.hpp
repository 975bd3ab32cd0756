// Makes processes.
#ifndef HOTSLOT_PROCESS_SPAWN_HPP
#define HOTSLOT_PROCESS_SPAWN_HPP

#include "unique_fd.hpp"

#include <hotslot/process/errc.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace hotslot::process::detail {

struct spawn_request {
  std::vector<std::string> command;
  std::vector<std::string> environment;
  std::filesystem::path dir;
};

/// A child that runs, or that has failed before it could run its command.
struct spawned {
  pid_t pid = -1; ///< Leads a process group of its own.
  unique_fd pidfd;
  unique_fd out;    ///< Its standard output.
  unique_fd err;    ///< Its standard error.
  unique_fd report; ///< At its end once the command runs; holds the reason where it could not.
};

struct spawn_failure {
  errc code;
  std::string reason;
};

/// Where processes are to be made: a thread that lives as long as the server. The kernel kills a child when
/// the thread that made it ends (PR_SET_PDEATHSIG), which must not happen with some I/O thread.
boost::asio::any_io_executor spawn_executor();

/// Makes a process, without waiting for its command to run. To be called on `spawn_executor()`.
/// Throws `system_error`: `errc::command_not_found`, `errc::spawn_failed`.
spawned spawn(const spawn_request& request);

/// Why a child that has ended never ran its command; nothing where it did.
std::optional<spawn_failure> failure_before_exec(int report);

/// Kills what is left of the process group and reaps its leader, which must have ended or be about to end.
/// Returns how it ended, for people.
std::string reap_group(pid_t leader, int pidfd);

} // namespace hotslot::process::detail

#endif
