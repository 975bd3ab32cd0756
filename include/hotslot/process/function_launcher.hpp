// Starts function processes.
#ifndef HOTSLOT_PROCESS_FUNCTION_LAUNCHER_HPP
#define HOTSLOT_PROCESS_FUNCTION_LAUNCHER_HPP

#include <hotslot/process/fleet.hpp>
#include <hotslot/process/function_slot.hpp>
#include <hotslot/process/function_spec.hpp>
#include <hotslot/process/isolation_host.hpp>
#include <hotslot/process/log_sink.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <filesystem>
#include <memory>

namespace hotslot::process {

/// The worker factory of one function: a call of it starts a process and returns its slot.
///
/// Cheap to copy; copies share their function. Thread safety: shared objects are safe.
class function_launcher {
 public:
  /// What happens to its processes happens on strands of `executor`, whose context must be run, by any number
  /// of threads, until every process is gone, and must outlive the slots. `root` comes from
  /// `prepare_socket_root`. Without a `host`, of `function_spec::isolation` only what any process may do to
  /// its children is in effect: limits by rlimit, no_new_privs, a sandbox. `workers` are those that end
  /// together with them; none: its own.
  function_launcher(boost::asio::any_io_executor executor, function_spec spec, std::filesystem::path root,
                    log_sink sink = {}, std::shared_ptr<isolation_host> host = {},
                    std::shared_ptr<fleet> workers = {});

  /// Starts a process and completes when it has accepted a connection.
  ///
  /// Lifetimes: the launcher may be destroyed meanwhile. A process dies with the server, however that dies.
  /// Cancellation: terminal, partial and total; the half-made process is killed and removed, then the start
  /// ends with `operation_aborted`. Errors (thrown as `system_error`, when nothing of the process is left):
  /// `invalid_spec`, `command_not_found`, `command_not_executable`, `bad_directory`, `spawn_failed`,
  /// `isolation_unavailable`, `exited_at_start`, `start_timeout`, `bad_socket`, `socket_path_too_long`.
  /// What() says which function, where, and how its process ended.
  boost::asio::awaitable<function_slot> operator()() const;

  const function_spec& spec() const noexcept;

 private:
  struct shared_state;
  static boost::asio::awaitable<function_slot> launch(std::shared_ptr<const shared_state> state);

  std::shared_ptr<const shared_state> state_;
};

} // namespace hotslot::process

#endif
