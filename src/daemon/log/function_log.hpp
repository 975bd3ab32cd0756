// Where the lines go that the workers of one function write.
#pragma once

#include "log.hpp"
#include "log_output.hpp"

#include <hotslot/process/log_sink.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>

namespace hotslot::daemon {

struct function_log_settings {
  std::shared_ptr<log_output> to; ///< Null: the server's own log.
  std::uint64_t max_bytes_per_call = 0;
};

/// Lines of output go to the server's own log or to an output; what becomes of processes, always to the log.
/// Of a call's lines, what is beyond its limit is left out, which one line in their place says.
///
/// Thread safety: all of it, as workers' lines come at once.
class function_log {
 public:
  /// `log` outlives it.
  function_log(const logger& log, function_log_settings settings)
    : log_(log)
    , settings_(std::move(settings)) {}

  /// From now on.
  void set(function_log_settings settings);

  void write(process::log_source source, std::string_view line, const process::worker_info& worker);

  /// Lines that were left out.
  std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

 private:
  function_log_settings current() const;
  void write_to_log(bool cut, std::string_view stream, std::string_view line, const process::worker_info& w);

  const logger& log_;
  mutable std::mutex mutex_;
  function_log_settings settings_;
  std::atomic<std::uint64_t> dropped_{0};
};

} // namespace hotslot::daemon
