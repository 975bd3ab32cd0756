// Structured logs: one line for each event, a message and fields, as key=value.
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace hotslot::daemon {

class line_queue;
class line_thread;

enum class log_level { trace, debug, info, warn, error, critical, off };

std::optional<log_level> parse_log_level(std::string_view name);
std::string_view to_string(log_level level);

/// The value of a field; a text is only looked at, so a temporary lives long enough within one call.
class log_value {
 public:
  log_value(bool b)
    : v_(b) {}
  template <std::signed_integral T>
  log_value(T n)
    : v_(static_cast<std::int64_t>(n)) {}
  template <std::unsigned_integral T>
  requires(!std::same_as<T, bool>) log_value(T n)
    : v_(static_cast<std::uint64_t>(n)) {}
  template <std::floating_point T>
  log_value(T x)
    : v_(static_cast<double>(x)) {}
  template <class T>
  requires std::convertible_to<const T&, std::string_view> log_value(const T& text)
    : v_(std::string_view(text)) {}

  void append_to(std::string& line) const;

 private:
  std::variant<bool, std::int64_t, std::uint64_t, double, std::string_view> v_;
};

struct log_field {
  std::string_view name;
  log_value value;
};

using log_fields = std::initializer_list<log_field>;

enum class log_format {
  timed,   ///< Each line begins with its time.
  journal, ///< Each line begins with the priority that sd-daemon(3) knows; the journal knows the time.
};

/// `journal` where standard error is what JOURNAL_STREAM says it is.
log_format format_of_standard_error();

/// Writes lines such as
///
///     time=2024-05-01T09:30:00.125Z level=info msg="worker started" app=demo pid=4711
///
/// or, for the journal,
///
///     <6>level=info msg="worker started" app=demo pid=4711
///
/// Whatever a message, a name or a value holds, it stays within its place on its one line: what could end it,
/// move a terminal's cursor or is no UTF-8 is escaped.
///
/// Thread safety: shared objects are safe. A level that is off costs one relaxed load.
class logger {
 public:
  /// To standard error, by a queue and a thread of its own: whoever reads it holds nobody up. What finds no
  /// room is lost, which a line says once there is room again. Its end waits a while for what is to be
  /// written.
  explicit logger(log_level level = log_level::info);
  /// To `out`, which the logger then must not outlive, by whoever has something to say.
  logger(log_level level, std::ostream& out, log_format format = log_format::timed);
  ~logger();
  logger(const logger&) = delete;
  logger& operator=(const logger&) = delete;

  bool enabled(log_level level) const noexcept {
    return level != log_level::off && level >= level_.load(std::memory_order_relaxed);
  }
  /// Lines that nobody has read in time, or that could not be written.
  std::uint64_t lost() const;

  void set_level(log_level level) noexcept { level_.store(level, std::memory_order_relaxed); }

  void log(log_level level, std::string_view message, log_fields fields = {}) const {
    if (enabled(level))
      write(level, message, fields);
  }

  void trace(std::string_view message, log_fields fields = {}) const {
    log(log_level::trace, message, fields);
  }
  void debug(std::string_view message, log_fields fields = {}) const {
    log(log_level::debug, message, fields);
  }
  void info(std::string_view message, log_fields fields = {}) const { log(log_level::info, message, fields); }
  void warn(std::string_view message, log_fields fields = {}) const { log(log_level::warn, message, fields); }
  void error(std::string_view message, log_fields fields = {}) const {
    log(log_level::error, message, fields);
  }
  void critical(std::string_view message, log_fields fields = {}) const {
    log(log_level::critical, message, fields);
  }

 private:
  void write(log_level level, std::string_view message, log_fields fields) const;

  std::string render(log_level level, std::string_view message, log_fields fields) const;
  void enqueue(std::string_view line) const;

  std::atomic<log_level> level_;
  const log_format format_;
  // One of the two
  const std::unique_ptr<line_thread> thread_;
  const std::shared_ptr<line_queue> queue_;
  mutable std::atomic<std::uint64_t> told_lost_{0};
  std::ostream* const out_ = nullptr;
  mutable std::mutex mutex_; ///< Of `out_`.
};

} // namespace hotslot::daemon
