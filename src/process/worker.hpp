// One function process from its start to its removal.
#ifndef HOTSLOT_PROCESS_WORKER_HPP
#define HOTSLOT_PROCESS_WORKER_HPP

#include "connection.hpp"
#include "gate.hpp"
#include "spawn.hpp"
#include "worker_directory.hpp"

#include <hotslot/process/function_spec.hpp>
#include <hotslot/process/log_sink.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/strand.hpp>

#include <atomic>
#include <memory>
#include <string>

namespace hotslot::process::detail {

/// Its life is one coroutine on a strand of its own: make the process, watch it, read its output, stop it
/// when asked to, clean up. Others see it through gates, which any thread may open and await.
class worker : public std::enable_shared_from_this<worker> {
 public:
  worker(const boost::asio::any_io_executor& ex, std::shared_ptr<const function_spec> spec,
         std::shared_ptr<const log_sink> sink, std::filesystem::path root);
  ~worker();

  /// Sets its life going.
  void begin();

  /// Completes when the process is ready. Throws what went wrong, after everything is cleaned up.
  /// Cancellation: every type kills the process, and completes when it is gone.
  boost::asio::awaitable<void> started();

  /// From any thread. `kill` leaves no grace.
  void stop() noexcept { stop_.open(); }
  void kill() noexcept;

  boost::asio::awaitable<void> gone() { return gone_.wait(); }
  bool has_ended() const noexcept { return exited_.is_open(); }

  connection& link() noexcept { return link_; }
  pid_t pid() const noexcept { return pid_; }
  std::uint64_t id() const noexcept { return id_; }
  std::string how_it_ended() const { return gone_.is_open() ? ending_ : std::string(); }

 private:
  struct failure {
    error_code code;
    std::string detail;
  };

  boost::asio::awaitable<void> live();
  boost::asio::awaitable<void> make_process();
  boost::asio::awaitable<void> run();
  boost::asio::awaitable<void> watch();
  boost::asio::awaitable<void> supervise();
  boost::asio::awaitable<void> stop_process();
  boost::asio::awaitable<void> come_up();
  boost::asio::awaitable<failure> become_ready();
  boost::asio::awaitable<failure> connect(std::filesystem::path path);
  boost::asio::awaitable<void> pause(std::chrono::milliseconds time);
  boost::asio::awaitable<void> read_lines(boost::asio::posix::stream_descriptor& from, log_source source);

  void check() const;
  failure why_it_exited() const;
  std::string describe(const failure& f) const;
  void adopt(spawned child);
  void reap() noexcept;
  void clean_up() noexcept;
  void log(log_source source, std::string_view line) const noexcept;

  const boost::asio::strand<boost::asio::any_io_executor> strand_;
  const std::shared_ptr<const function_spec> spec_;
  const std::shared_ptr<const log_sink> sink_;
  const std::filesystem::path root_;
  const std::uint64_t id_;

  worker_directory directory_;
  unique_fd report_; ///< Where the child reports that it could not run its command.
  boost::asio::posix::stream_descriptor exit_;
  boost::asio::posix::stream_descriptor appearance_;
  boost::asio::posix::stream_descriptor out_;
  boost::asio::posix::stream_descriptor err_;
  connection link_;

  gate stop_;    ///< The process is to be ended.
  gate exited_;  ///< The process has ended.
  gate started_; ///< The start is over; `failure_` tells how it went.
  gate gone_;    ///< Nothing is left.

  std::atomic<bool> hurry_ = false;
  bool running_ = false; ///< There is a process to be reaped.
  pid_t pid_ = -1;
  failure failure_;
  std::string ending_;
};

} // namespace hotslot::process::detail

#endif
