// What can go wrong with a function's process: at its start, and in a call.
#ifndef HOTSLOT_PROCESS_ERRC_HPP
#define HOTSLOT_PROCESS_ERRC_HPP

#include <boost/system/error_category.hpp>
#include <boost/system/error_code.hpp>

namespace hotslot::process {

using boost::system::error_code;

/// Operating errors. Start failures are thrown as `system_error` whose what() adds the function, the path
/// and, where the process ended, how.
enum class errc {
  // starts
  invalid_spec = 1,       ///< The function_spec cannot be made into arguments and environment.
  command_not_found,      ///< There is no such command, or its interpreter is missing.
  command_not_executable, ///< The command may not be executed.
  bad_directory,          ///< The function's directory cannot be entered.
  spawn_failed,           ///< The system refused a process, a descriptor or a directory.
  exited_at_start,        ///< The process ended before it was ready.
  start_timeout,          ///< The process was not ready within its start timeout.
  bad_socket,             ///< What it made at its socket's path is no socket of its own.
  socket_path_too_long,   ///< The path of the socket exceeds what the system can connect to.
  isolation_unavailable,  ///< The process cannot be isolated as its function asks for.
  no_descriptor,          ///< This process, not the function, may open no further descriptor. In calls, too.
  // calls
  connection_lost, ///< The function closed its connection, or ended, before the reply was complete.
  invalid_reply,   ///< The reply is not HTTP.
  reply_too_large, ///< The header or the body of the reply exceeds its limit.
  out_of_memory,   ///< The function ended because it had used up the memory that it may have.
  not_sent,        ///< No process lived for long enough to be sent the call. For whoever tries several.
};

/// The category of `errc`.
const boost::system::error_category& category() noexcept;

/// By which an `errc` becomes an `error_code`.
inline error_code make_error_code(errc e) noexcept { return {static_cast<int>(e), category()}; }

} // namespace hotslot::process

template <>
struct boost::system::is_error_code_enum<hotslot::process::errc> : std::true_type {};

#endif
