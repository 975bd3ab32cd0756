#include "syslog_message.hpp"

#include "base/text.hpp"
#include "base/time_text.hpp"

#include <algorithm>

namespace hotslot::daemon {
namespace {

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

bool is_printable(char c) { return c > 0x20 && c < 0x7f; }

void append_header(std::string& out, std::string_view text, std::size_t longest) {
  out.push_back(' ');
  if (text.empty())
    out.push_back('-');
  for (const char c : text.substr(0, longest))
    out.push_back(is_printable(c) ? c : '_');
}

void append_name(std::string& out, std::string_view name) {
  constexpr std::size_t longest = 32;
  for (const char c : name.substr(0, longest))
    out.push_back(is_printable(c) && c != '=' && c != ']' && c != '"' ? c : '_');
}

// Also escapes what is one of `quoted`, by a backslash.
void append_text(std::string& out, std::string_view text, std::string_view quoted = {}) {
  const auto is_shown = [](const auto& c) { return c.is_printable() || c.value == '\t'; };
  base::append_escaping(
      out, text, [&](const auto& c) { return !is_shown(c) || c.is_one_of(quoted); },
      [&](const auto& c) {
        if (is_shown(c))
          out.append("\\").append(c.bytes);
        else
          base::append_bytes(out, c.bytes);
      });
}

void append_data(std::string& out, std::span<const text_field> data) {
  out.push_back(' ');
  if (data.empty()) {
    out.push_back('-');
    return;
  }
  out.append("[").append(syslog_data_id);
  for (const auto& field : data) {
    out.push_back(' ');
    append_name(out, field.name);
    out.append("=\"");
    append_text(out, field.value, "\"\\]");
    out.push_back('"');
  }
  out.push_back(']');
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

} // namespace

std::string render(const syslog_message& m) {
  std::string out = "<";
  out.append(std::to_string(8 * static_cast<unsigned>(m.facility) + static_cast<unsigned>(m.severity)));
  out.append(">1 ").append(base::rfc3339_time(m.time));
  append_header(out, m.host, 255);
  append_header(out, m.app, 48);
  append_header(out, m.process, 128);
  append_header(out, m.kind, 32);
  append_data(out, m.data);
  out.push_back(' ');
  const std::size_t text_at = out.size();
  append_text(out, m.text);
  if (!is_ascii(std::string_view(out).substr(text_at)))
    out.insert(text_at, byte_order_mark);
  return out;
}

} // namespace hotslot::daemon
