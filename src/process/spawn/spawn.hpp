// Makes processes.
#pragma once

#include "base/unique_fd.hpp"
#include "child_limits.hpp"

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
  child_limits limits = {};
  std::string input = {}; ///< What it finds to read in `input_descriptor`, where that is not empty.
};

/// Where `spawn_request::input` is.
inline constexpr int input_descriptor = 4;

/// A child that runs, or that has failed before it could run its command.
struct spawned {
  pid_t pid = -1; ///< Leads a process group of its own.
  base::unique_fd pidfd;
  base::unique_fd out;    ///< Its standard output.
  base::unique_fd err;    ///< Its standard error.
  base::unique_fd report; ///< At its end once the command runs; holds the reason where it could not.
  std::uint64_t parent_peak_mb = 0; ///< What this process had had at most by then; see `ending`.
};

struct spawn_failure {
  errc code;
  std::string reason;
};

/// Where processes are to be made: a thread that lives as long as the server. The kernel kills a child when
/// the thread that made it ends (PR_SET_PDEATHSIG), which must not happen with some I/O thread.
/// Throws `std::system_error` at the first call, where no thread can be had. So does `release_executor`.
boost::asio::any_io_executor spawn_executor();

/// Where what takes a while at the end of a worker is done: threads that live as long as the server.
boost::asio::any_io_executor release_executor();

/// Makes a process, without waiting for its command to run. To be called on `spawn_executor()`.
/// Throws `system_error`: `errc::command_not_found`, `errc::spawn_failed`.
spawned spawn(const spawn_request& request);

/// Why a child that has ended never ran its command; nothing where it did.
std::optional<spawn_failure> failure_before_exec(int report);

/// To the group of a child that is not reaped yet.
void signal_group(pid_t leader, int signal) noexcept;

/// How a process ended.
struct ending {
  std::string text = {}; ///< For people.
  bool failed = false;
  /// The most memory that it had; what this process had at the fork, where that was more.
  std::uint64_t peak_mb = 0;
};

/// Kills what is left of the process group and reaps its leader, which must have ended or be about to end.
ending reap_group(pid_t leader, int pidfd);

struct finished {
  ending how;
  std::string said = {}; ///< The beginning of what it wrote to its standard error.
};

/// Runs a program to its end, but for no more than ten seconds: nothing may wait for it for ever. Blocks.
/// To be called on a thread that lives as long. Throws as `spawn` does.
finished run_to_end(const spawn_request& request);

} // namespace hotslot::process::detail
