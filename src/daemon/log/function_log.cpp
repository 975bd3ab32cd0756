#include "function_log.hpp"

#include <array>
#include <chrono>
#include <string>
#include <utility>

namespace hotslot::daemon {
namespace {

// In place of the lines that are left out.
std::string cut_note(std::uint64_t max_bytes) {
  std::string note = "output cut: this call has written more than ";
  return note.append(std::to_string(max_bytes)).append(" bytes");
}

void write_to_output(log_output& to, syslog_severity severity, std::string_view stream, std::string_view line,
                     const process::worker_info& w) {
  const std::string worker = std::to_string(w.worker_id);
  const std::string pid = std::to_string(w.pid);
  const std::array<text_field, 5> data{{{"app", w.function.app_name},
                                        {"fn", w.function.fn_name},
                                        {"worker", worker},
                                        {"call", w.call_id},
                                        {"stream", stream}}};
  to.write({.time = std::chrono::system_clock::now(),
            .severity = severity,
            .kind = "output",
            .process = pid,
            .data = data,
            .text = line});
}

} // namespace

void function_log::set(function_log_settings settings) {
  const std::lock_guard lock(mutex_);
  std::swap(settings_, settings); // what goes may end an output, once the lock is released
}

function_log_settings function_log::current() const {
  const std::lock_guard lock(mutex_);
  return settings_;
}

void function_log::write(process::log_source source, std::string_view line, const process::worker_info& w) {
  if (source == process::log_source::lifecycle || source == process::log_source::lost)
    return log_.log(
        source == process::log_source::lost ? log_level::warn : log_level::info, line,
        {{"app", w.function.app_name}, {"fn", w.function.fn_name}, {"worker", w.worker_id}, {"pid", w.pid}});
  const auto [to, max_bytes] = current();
  const bool cut = w.call_bytes + line.size() + 1 > max_bytes;
  if (cut)
    dropped_.fetch_add(1, std::memory_order_relaxed);
  if (cut && w.call_bytes > max_bytes)
    return;
  const bool error = source == process::log_source::err;
  const std::string_view stream = error ? "stderr" : "stdout";
  const std::string note = cut ? cut_note(max_bytes) : std::string();
  const std::string_view text = cut ? std::string_view(note) : line;
  if (!to)
    return write_to_log(cut, stream, text, w);
  const auto severity = cut     ? syslog_severity::warning
                        : error ? syslog_severity::error
                                : syslog_severity::info;
  write_to_output(*to, severity, stream, text, w);
}

void function_log::write_to_log(bool cut, std::string_view stream, std::string_view line,
                                const process::worker_info& w) {
  log_.log(cut ? log_level::warn : log_level::info, "output",
           {{"app", w.function.app_name},
            {"fn", w.function.fn_name},
            {"worker", w.worker_id},
            {"call", w.call_id},
            {"stream", stream},
            {"line", line}});
}

} // namespace hotslot::daemon
