#include "log.hpp"

#include "log_text.hpp"

#include "base/number.hpp"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <fmt/format.h>

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

namespace hotslot::daemon {
namespace {

constexpr std::array<std::string_view, 7> level_names{"trace", "debug",    "info", "warn",
                                                      "error", "critical", "off"};

spdlog::level::level_enum spdlog_level(log_level level) {
  return static_cast<spdlog::level::level_enum>(static_cast<int>(level));
}
static_assert(static_cast<int>(log_level::off) == static_cast<int>(spdlog::level::off));

std::unique_ptr<spdlog::logger> make_logger(spdlog::sink_ptr sink, log_format format) {
  auto out = std::make_unique<spdlog::logger>("hotslot", std::move(sink));
  const char* pattern = format == log_format::journal ? "%v" : "time=%Y-%m-%dT%H:%M:%S.%eZ %v";
  out->set_formatter(
      std::make_unique<spdlog::pattern_formatter>(pattern, spdlog::pattern_time_type::utc, "\n"));
  out->set_level(spdlog::level::trace); // hotslot's own level decides, before a line is made
  out->flush_on(spdlog::level::trace);
  return out;
}

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
  , out_(make_logger(std::make_shared<spdlog::sinks::stderr_sink_mt>(), format_)) {}

logger::logger(log_level level, std::ostream& out, log_format format)
  : level_(level)
  , format_(format)
  , out_(make_logger(std::make_shared<spdlog::sinks::ostream_sink_mt>(out), format_)) {}

logger::~logger() = default;

void logger::write(log_level level, std::string_view message, log_fields fields) const {
  std::string line(format_ == log_format::journal ? journal_priority(level) : "");
  line.append("level=").append(to_string(level)).append(" msg=");
  append_log_text(line, message);
  for (const auto& f : fields) {
    line.push_back(' ');
    append_log_name(line, f.name);
    line.push_back('=');
    f.value.append_to(line);
  }
  out_->log(spdlog_level(level), spdlog::string_view_t(line.data(), line.size()));
}

} // namespace hotslot::daemon
