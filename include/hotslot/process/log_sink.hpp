// Where the output of function processes goes.
#ifndef HOTSLOT_PROCESS_LOG_SINK_HPP
#define HOTSLOT_PROCESS_LOG_SINK_HPP

#include <hotslot/process/function_spec.hpp>

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

namespace hotslot::process {

/// Where a line comes from.
enum class log_source : std::uint8_t {
  out,       ///< A line that the function wrote to its standard output.
  err,       ///< A line that the function wrote to its standard error.
  lifecycle, ///< What became of the process: that it is ready, how it ended.
  lost,      ///< How it ended, of one that nobody had asked to.
};

/// Whose line it is.
struct worker_info {
  const function_spec& function;
  std::uint64_t worker_id; ///< Unique in this server, in the order of the starts.
  pid_t pid;

  /// Of a line of output: the call that the function was running, or had run last, when it wrote the line's
  /// beginning; where it keeps lines back in a buffer of its own, when it flushed that, unless it marks its
  /// calls (`function_spec::log_frames`). Empty before the first.
  std::string_view call_id = {};
  /// What the function had written in this call, to both streams and with line ends, before this line.
  std::uint64_t call_bytes = 0;
};

/// Longer lines are cut here; the rest of the line is dropped.
inline constexpr std::size_t max_log_line = 8 * 1024;

/// Called once for each line, without its line end. The bytes are the function's own: not necessarily UTF-8.
/// What it is given lives until it returns.
///
/// The calls for one worker come one after another and in order; those for several workers come at once from
/// several threads. It must not block, and it should not throw: an exception is swallowed.
using log_sink = std::function<void(log_source, std::string_view line, const worker_info&)>;

} // namespace hotslot::process

#endif
