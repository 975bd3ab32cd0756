#include "syslog_message.hpp"

#include <hotslot/core/printable.hpp>

#include <hotslot/process/contract.hpp>

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

// Each code point by `as_is`, or escaped.
template <class AsIs>
void append_text(std::string& out, std::string_view text, AsIs as_is) {
  while (!text.empty()) {
    const auto c = first_character(text);
    if (c.is_printable() || c.bytes == "\t")
      as_is(c.bytes);
    else
      append_escaped(out, c.bytes);
    text.remove_prefix(c.bytes.size());
  }
}

void append_value(std::string& out, std::string_view value) {
  append_text(out, value, [&](std::string_view bytes) {
    if (bytes == "\"" || bytes == "\\" || bytes == "]")
      out.push_back('\\');
    out.append(bytes);
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
    append_value(out, field.value);
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
  out.append(">1 ").append(process::format_rfc3339(m.time));
  append_header(out, m.host, 255);
  append_header(out, m.app, 48);
  append_header(out, m.process, 128);
  append_header(out, m.kind, 32);
  append_data(out, m.data);
  out.push_back(' ');
  const std::size_t text_at = out.size();
  append_text(out, m.text, [&](std::string_view bytes) { out.append(bytes); });
  if (!is_ascii(std::string_view(out).substr(text_at)))
    out.insert(text_at, byte_order_mark);
  return out;
}

} // namespace hotslot::daemon
