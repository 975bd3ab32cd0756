// What is to be known of a function to run it as a process. Plain values.
#ifndef HOTSLOT_PROCESS_FUNCTION_SPEC_HPP
#define HOTSLOT_PROCESS_FUNCTION_SPEC_HPP

#include <hotslot/process/isolation.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace hotslot::process {

/// A function: which program it is, and what its processes have.
struct function_spec {
  std::string app_id;
  std::string app_name;
  std::string fn_id;
  std::string fn_name;

  /// The program and its arguments. A program with a slash is taken from `dir`; one without is looked for in
  /// the PATH that the function gets, never in the server's.
  std::vector<std::string> command;
  std::filesystem::path dir; ///< Where the process runs. Empty: where the server runs.

  /// The app's, then the function's. It may name PATH, HOME and LANG, but not replace what the contract sets.
  std::map<std::string, std::string> config;
  std::uint64_t memory_mb = 128;
  /// Has an FDK mark in its output where each call begins; needed only where lines stay in a buffer of the
  /// function's own beyond the end of their call, see `worker_info::call_id`. Costs the function two short
  /// lines a call, which are left out of the log.
  bool log_frames = false;

  std::chrono::milliseconds start_timeout{5000}; ///< From the fork to an accepted connection.
  std::chrono::milliseconds stop_grace{2000};    ///< From SIGTERM to SIGKILL.

  process::isolation isolation;

  std::uint32_t max_reply_header = 16 * 1024;
  std::uint64_t max_reply_body = 10 * 1024 * 1024;
};

} // namespace hotslot::process

#endif
