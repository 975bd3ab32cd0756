#include "log.hpp"

#include "line_queue.hpp"
#include "log_text.hpp"

#include "base/number.hpp"
#include "base/time_text.hpp"

#include <fmt/format.h>

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <ostream>

namespace hotslot::daemon {
namespace {

constexpr std::array<std::string_view, 7> level_names{"trace", "debug",    "info", "warn",
                                                      "error", "critical", "off"};

// Those of syslog(3), in the form of sd-daemon(3).
std::string_view journal_priority(log_level level) {
  constexpr std::string_view priorities[] = {"<7>", "<7>", "<6>", "<4>", "<3>", "<2>", "<2>"};
  return priorities[static_cast<std::size_t>(level)];
}

struct append_value {
  std::string& line;

  void operator()(bool b) const { line.append(b ? "true" : "false"); }
  void operator()(std::string_view text) const { append_log_text(line, text); }
  template <class T>
  void operator()(T n) const {
    base::append_number(line, n);
  }
};

} // namespace

std::optional<log_level> parse_log_level(std::string_view name) {
  for (std::size_t i = 0; i < level_names.size(); ++i)
    if (level_names[i] == name)
      return static_cast<log_level>(i);
  return std::nullopt;
}

std::string_view to_string(log_level level) { return level_names[static_cast<std::size_t>(level)]; }

void log_value::append_to(std::string& line) const { std::visit(append_value{line}, v_); }

log_format format_of_standard_error() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat err {};
  if (!stream || ::fstat(STDERR_FILENO, &err) != 0)
    return log_format::timed;
  return stream == fmt::format("{}:{}", err.st_dev, err.st_ino) ? log_format::journal : log_format::timed;
}

logger::logger(log_level level)
  : level_(level)
  , format_(format_of_standard_error())
  , thread_(std::make_unique<line_thread>())
  , queue_(std::make_shared<line_queue>(
        *thread_, [](std::string_view lines) { return write_lines(STDERR_FILENO, lines); })) {}

logger::logger(log_level level, std::ostream& out, log_format format)
  : level_(level)
  , format_(format)
  , out_(&out) {}

logger::~logger() = default;

std::uint64_t logger::lost() const { return queue_ ? queue_->lost() : 0; }

void logger::write(log_level level, std::string_view message, log_fields fields) const {
  const auto line = render(level, message, fields);
  if (queue_)
    return enqueue(line);
  const std::lock_guard lock(mutex_);
  *out_ << line << std::endl;
}

void logger::enqueue(std::string_view line) const {
  if (queue_->push(line) != line_queue::result::taken)
    return;
  const auto lost = queue_->lost();
  const auto told = told_lost_.exchange(lost, std::memory_order_relaxed);
  if (lost > told)
    queue_->push(render(log_level::warn, "lines of this log were lost", {{"lines", lost - told}}));
}

std::string logger::render(log_level level, std::string_view message, log_fields fields) const {
  std::string line;
  if (format_ == log_format::journal)
    line.append(journal_priority(level));
  else
    line.append("time=").append(base::rfc3339_time(std::chrono::system_clock::now())).push_back(' ');
  line.append("level=").append(to_string(level)).append(" msg=");
  append_log_text(line, message);
  for (const auto& f : fields) {
    line.push_back(' ');
    append_log_name(line, f.name);
    line.push_back('=');
    f.value.append_to(line);
  }
  return line;
}

} // namespace hotslot::daemon
