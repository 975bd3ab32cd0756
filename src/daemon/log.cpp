#include "log.hpp"

#include "log_text.hpp"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <array>
#include <charconv>

namespace hotslot::daemon {
namespace {

constexpr std::array<std::string_view, 7> level_names{"trace", "debug",    "info", "warn",
                                                      "error", "critical", "off"};

spdlog::level::level_enum spdlog_level(log_level level) {
  return static_cast<spdlog::level::level_enum>(static_cast<int>(level));
}
static_assert(static_cast<int>(log_level::off) == static_cast<int>(spdlog::level::off));

std::unique_ptr<spdlog::logger> make_logger(spdlog::sink_ptr sink) {
  auto out = std::make_unique<spdlog::logger>("hotslot", std::move(sink));
  out->set_formatter(std::make_unique<spdlog::pattern_formatter>("time=%Y-%m-%dT%H:%M:%S.%eZ %v",
                                                                 spdlog::pattern_time_type::utc, "\n"));
  out->set_level(spdlog::level::trace); // hotslot's own level decides, before a line is made
  out->flush_on(spdlog::level::trace);
  return out;
}

template <class T>
void append_number(std::string& line, T n) {
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), n).ptr;
  line.append(digits.data(), end);
}

struct append_value {
  std::string& line;

  void operator()(bool b) const { line.append(b ? "true" : "false"); }
  void operator()(std::string_view text) const { append_log_text(line, text); }
  template <class T>
  void operator()(T n) const {
    append_number(line, n);
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

logger::logger(log_level level)
  : level_(level)
  , out_(make_logger(std::make_shared<spdlog::sinks::stderr_sink_mt>())) {}

logger::logger(log_level level, std::ostream& out)
  : level_(level)
  , out_(make_logger(std::make_shared<spdlog::sinks::ostream_sink_mt>(out))) {}

logger::~logger() = default;

void logger::write(log_level level, std::string_view message, log_fields fields) const {
  std::string line("level=");
  line.append(to_string(level)).append(" msg=");
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
