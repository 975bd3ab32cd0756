// Outputs that lines of functions and of calls go to.
#pragma once

#include "daemon/config/log_target.hpp"
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

  /// Writes the line, or loses it: what cannot be written does not fail whoever had something to say.
  virtual void write(const output_line& line) noexcept = 0;

  /// Lines that could not be written.
  virtual std::uint64_t lost() const = 0;

  /// A file that was moved away is begun anew. In two steps, so that several can be reopened together or not
  /// at all: `prepare_reopen` throws `std::runtime_error`, naming the file.
  virtual void prepare_reopen() {}
  virtual void reopen() noexcept {}

  /// The server ends: nothing may keep its context any longer than it takes to write what is there.
  virtual void close() noexcept {}
};

/// Makes outputs, of which equal targets share one, so that nobody writes beside another.
///
/// Thread safety: all of it. Lifetime: `log` outlives the outputs, as does the executor's context.
class log_outputs {
 public:
  log_outputs(asio::any_io_executor executor, const logger& log);

  /// Null for the server's own log. Throws `std::runtime_error`, naming the file, where it cannot be opened.
  std::shared_ptr<log_output> get(const log_target& target);

  /// Throws as `get` does, and then nothing has been reopened.
  void reopen();

  /// What the outputs that there are have lost, by their file or address.
  std::map<std::string, std::uint64_t> lost() const;

  /// Closes those that there are, and will be.
  void close() noexcept;

 private:
  std::shared_ptr<log_output> make(const log_target& target) const;
  std::vector<std::shared_ptr<log_output>> live();

  const asio::any_io_executor executor_;
  const logger& log_;
  mutable std::mutex mutex_;
  std::vector<std::pair<log_target, std::weak_ptr<log_output>>> known_;
  bool closed_ = false;
};

} // namespace hotslot::daemon
