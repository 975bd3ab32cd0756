// One function process from its start to its removal.
#pragma once

#include "appearances.hpp"
#include "gate.hpp"
#include "process/contract/connection.hpp"
#include "process/isolation/confinement.hpp"
#include "process/output/output.hpp"
#include "process/output/output_pipes.hpp"
#include "process/spawn/spawn.hpp"
#include "worker_directory.hpp"

#include <hotslot/process/fleet.hpp>
#include <hotslot/process/function_spec.hpp>
#include <hotslot/process/log_sink.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/strand.hpp>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace hotslot::process::detail {

/// Its life is one coroutine on a strand of its own: make the process, watch it, read its output, stop it
/// when asked to, clean up. Others see it through gates, which any thread may open and await.
class worker : public std::enable_shared_from_this<worker> {
 public:
  worker(const boost::asio::any_io_executor& ex, std::shared_ptr<const function_spec> spec,
         std::shared_ptr<const log_sink> sink, std::filesystem::path root,
         std::shared_ptr<isolation_host> host, std::shared_ptr<fleet> workers);
  ~worker();

  /// Sets its life going.
  void begin();

  /// Completes when the process is ready. Throws what went wrong, after everything is cleaned up.
  /// Cancellation: every type kills the process, and completes when it is gone.
  boost::asio::awaitable<void> started();

  /// From any thread. `kill` leaves no grace.
  void stop() noexcept { stop_.open(); }
  void kill() noexcept;

  /// Stop the whole process group, and let it go on. From any thread, at any time.
  void freeze() noexcept;
  void thaw() noexcept;

  /// What the function writes from now on belongs to this call. From any thread.
  void begin_call(std::string_view id) {
    if (!*sink_)
      return;
    const auto seen = outputs_.look(link_.native_handle());
    calls_.begin(id, seen.written);
    link_.set_seen(seen.readable);
  }

  boost::asio::awaitable<void> gone() { return gone_.wait(); }
  bool has_ended() const noexcept { return exited_.is_open(); }

  /// Whether the process ends within `time`, or has, for want of memory. Never throws for that.
  boost::asio::awaitable<bool> runs_out_of_memory(std::chrono::milliseconds time);

  connection& link() noexcept { return link_; }
  pid_t pid() const noexcept { return pid_; }
  std::uint64_t id() const noexcept { return id_; }
  std::string how_it_ended() const { return gone_.is_open() ? ending_ : std::string(); }

 private:
  using appearance_channel = boost::asio::experimental::concurrent_channel<void(error_code)>;

  struct failure {
    error_code code;
    std::string detail;
  };

  boost::asio::awaitable<void> live();
  boost::asio::awaitable<void> make_process();
  spawned spawn_confined();
  boost::asio::awaitable<void> release();
  boost::asio::awaitable<void> run();
  boost::asio::awaitable<void> watch();
  boost::asio::awaitable<void> supervise();
  boost::asio::awaitable<void> stop_process();
  boost::asio::awaitable<void> come_up();
  boost::asio::awaitable<failure> become_ready();
  boost::asio::awaitable<void> pause(std::chrono::milliseconds time);
  boost::asio::awaitable<void> read_lines(log_source source);

  void check() const;
  failure why_it_exited();
  errc failure_in_sandbox() const;
  std::string describe(const failure& f) const;
  void adopt(spawned child);
  void reap() noexcept;
  void clean_up() noexcept;
  void log(log_source source, std::string_view line, std::string_view call_id = {},
           std::uint64_t call_bytes = 0) const noexcept;

  const boost::asio::strand<boost::asio::any_io_executor> strand_;
  const std::shared_ptr<const function_spec> spec_;
  const std::shared_ptr<const log_sink> sink_;
  const std::filesystem::path root_;
  const std::shared_ptr<isolation_host> host_;
  const std::shared_ptr<fleet> workers_;
  const std::uint64_t id_;

  worker_directory directory_;
  confinement confinement_;
  base::unique_fd report_; ///< Where the child reports that it could not run its command.
  boost::asio::posix::stream_descriptor exit_;
  appearance_channel appeared_; ///< That may be its socket.
  appearances::watch appearance_;
  output_pipes outputs_;
  connection link_;
  recent_calls calls_;

  gate stop_;    ///< The process is to be ended.
  gate exited_;  ///< The process has ended.
  gate reaped_;  ///< It is known how.
  gate started_; ///< The start is over; `failure_` tells how it went.
  gate gone_;    ///< Nothing is left.

  std::atomic<bool> hurry_ = false;
  std::mutex process_mutex_; ///< A process that is reaped must not be sent a signal.
  bool running_ = false;     ///< There is a process to be reaped.
  bool lost_ = false;        ///< It has ended by itself.
  std::atomic<bool> out_of_memory_ = false;
  bool frozen_ = false;
  pid_t pid_ = -1;
  failure failure_;
  std::uint64_t parent_peak_mb_ = 0;
  std::string ending_;
};

} // namespace hotslot::process::detail
