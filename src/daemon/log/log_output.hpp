// Outputs that lines of functions and of calls go to.
#pragma once

#include "daemon/config/log_target.hpp"
#include "line_queue.hpp"
#include "log.hpp"
#include "syslog_message.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hotslot::daemon {

namespace asio = boost::asio;

/// Only looked at.
struct output_line {
  std::chrono::system_clock::time_point time;
  syslog_severity severity = syslog_severity::info;
  std::string_view kind = {};            ///< For syslog.
  std::string_view process = {};         ///< Of it, who said it: a process id.
  std::span<const text_field> data = {}; ///< Where there is none, the line is the text as it is.
  std::string_view text = {};            ///< Without a line end.
};

/// `time=… app=… line="…"`: how a line with data is written where a line is all there is.
std::string render(const output_line& line);

/// Thread safety: all of it.
class log_output {
 public:
  log_output() = default;
  log_output(const log_output&) = delete;
  log_output& operator=(const log_output&) = delete;
  virtual ~log_output() = default;

  /// Writes the line, or loses it, without waiting for anything: what cannot be written neither fails nor
  /// holds up whoever had something to say.
  virtual void write(const output_line& line) noexcept = 0;

  /// Lines that could not be written.
  virtual std::uint64_t lost() const = 0;

  /// A file that was moved away is begun anew; or it is rotated as `target`, of the same file, says. In two
  /// steps, so that several can be changed together or not at all: those that prepare throw
  /// `std::runtime_error`, naming the file.
  virtual void prepare_reopen() {}
  virtual void prepare(const log_target& target) { static_cast<void>(target); }
  virtual void take_up() noexcept {}

  /// The server ends: nothing may keep its context any longer than it takes to write what is there.
  virtual void close() noexcept {}
};

/// Throws `std::runtime_error`, naming the file, where the output could not be opened. Makes nothing.
void check_log(const log_target& target);

/// Makes outputs, of which equal targets share one, so that nobody writes beside another. Those to files are
/// written by one thread, standard output by another. The end waits a while for what they still have to
/// write.
///
/// Thread safety: all of it. Lifetime: `log` outlives the outputs, as does the executor's context.
class log_outputs {
 public:
  log_outputs(asio::any_io_executor executor, const logger& log);

  /// Null for the server's own log. Throws `std::runtime_error`, naming the file, where it cannot be opened.
  /// A file that is written already is rotated as before until `take_up`.
  std::shared_ptr<log_output> get(const log_target& target);
  void take_up() noexcept;

  /// Begins all files anew. Throws as `get` does, and then none has been.
  void reopen();

  /// What the outputs that there are have lost, by their file or address.
  std::map<std::string, std::uint64_t> lost() const;

  /// Closes those that there are, and will be.
  void close() noexcept;

 private:
  std::shared_ptr<log_output> make(const log_target& target) const;
  std::shared_ptr<log_output> find(const log_target& target) const;
  std::vector<std::shared_ptr<log_output>> live();

  const asio::any_io_executor executor_;
  const logger& log_;
  const line_thread to_files_;
  const line_thread to_standard_output_;
  std::mutex opening_; ///< Held while files are opened, which may take long.
  mutable std::mutex mutex_;
  std::map<log_target, std::weak_ptr<log_output>> known_; ///< A file, however it is rotated, is there once.
  bool closed_ = false;
};

} // namespace hotslot::daemon
