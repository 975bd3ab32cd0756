#include "access_log.hpp"

#include <hotslot/core/printable.hpp>

#include <hotslot/process/contract.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>

namespace hotslot::daemon {
namespace {

using std::chrono::system_clock;

unsigned status_of(const http::access_record& r) { return r.status == 0 ? status_unanswered : r.status; }

std::string_view protocol_of(const http::access_record& r) {
  return r.version == 0 ? "" : r.version < 11 ? "HTTP/1.0" : "HTTP/1.1";
}

// [10/Oct/2000:13:55:36 +0000]
void append_common_time(std::string& out, system_clock::time_point t) {
  using namespace std::chrono;
  static constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                           "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto seconds = floor<std::chrono::seconds>(t);
  const auto day = floor<days>(seconds);
  const year_month_day date(day);
  const hh_mm_ss time(seconds - day);
  fmt::format_to(std::back_inserter(out), "[{:02}/{}/{:04}:{:02}:{:02}:{:02} +0000]",
                 static_cast<unsigned>(date.day()), months[static_cast<unsigned>(date.month()) - 1],
                 static_cast<int>(date.year()), time.hours().count(), time.minutes().count(),
                 time.seconds().count());
}

void append_common_text(std::string& out, std::string_view text) {
  for (const char byte : text) {
    const auto c = static_cast<unsigned char>(byte);
    if (c == '"' || c == '\\')
      out.append({'\\', byte});
    else if (c < 0x20 || c >= 0x7f)
      append_escaped(out, {&byte, 1});
    else
      out.push_back(byte);
  }
}

void append_json_text(std::string& out, std::string_view text) {
  out.push_back('"');
  while (!text.empty()) {
    const auto c = first_character(text);
    if (!c.valid)
      out.append("\\ufffd");
    else if (c.value == '"' || c.value == '\\')
      out.append({'\\', c.bytes.front()});
    else if (!c.is_printable())
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", c.value);
    else
      out.append(c.bytes);
    text.remove_prefix(c.bytes.size());
  }
  out.push_back('"');
}

// Null where it is not known.
void append_json_member(std::string& out, std::string_view name, std::string_view text) {
  out.append(",\"").append(name).append("\":");
  if (text.empty())
    out.append("null");
  else
    append_json_text(out, text);
}

std::string_view call_id_of(const http::access_record& r) {
  const auto id = r.fields["Fn-Call-Id"];
  return {id.data(), id.size()};
}

} // namespace

std::string render_common(const http::access_record& r) {
  std::string out = r.peer.address().to_string();
  out.append(" - - ");
  append_common_time(out, r.received);
  out.append(" \"");
  if (r.version == 0) {
    out.push_back('-');
  } else {
    append_common_text(out, r.method);
    out.push_back(' ');
    append_common_text(out, r.target);
    out.append(" ").append(protocol_of(r));
  }
  fmt::format_to(std::back_inserter(out), "\" {} ", status_of(r));
  return out.append(r.body_bytes == 0 ? "-" : std::to_string(r.body_bytes));
}

std::string render_json(const http::access_record& r, const called_function& function) {
  std::string out = "{\"time\":\"";
  out.append(process::format_rfc3339(r.received)).append("\"");
  append_json_member(out, "peer", r.peer.address().to_string());
  append_json_member(out, "method", r.method);
  append_json_member(out, "target", r.target);
  append_json_member(out, "protocol", protocol_of(r));
  fmt::format_to(std::back_inserter(out),
                 ",\"status\":{},\"bytes\":{},\"duration_ms\":{:.3f},\"complete\":{}", status_of(r),
                 r.body_bytes, static_cast<double>(r.duration.count()) / 1e6, r.complete);
  append_json_member(out, "app", function.app);
  append_json_member(out, "fn", function.name);
  append_json_member(out, "call", call_id_of(r));
  out.push_back('}');
  return out;
}

void access_log::write(const http::access_record& r, const called_function& function) const {
  const std::string text = format_ == access_format::common ? render_common(r) : render_json(r, function);
  to_->write({.time = r.received, .kind = "access", .text = text});
}

} // namespace hotslot::daemon
