#include "log_text.hpp"

#include <hotslot/core/printable.hpp>

#include <algorithm>
#include <cstdint>

namespace hotslot::daemon {
namespace {

std::uint8_t byte(char c) { return static_cast<std::uint8_t>(c); }

bool is_plain(char c) { return byte(c) > 0x20 && byte(c) < 0x7f && c != '"' && c != '=' && c != '\\'; }

bool in_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
         c == '.';
}

void append_quoted(std::string& line, std::string_view text) {
  line.push_back('"');
  while (!text.empty()) {
    const auto c = first_character(text);
    if (c.bytes == "\"" || c.bytes == "\\")
      line.push_back('\\');
    append_printable(line, c);
    text.remove_prefix(c.bytes.size());
  }
  line.push_back('"');
}

} // namespace

void append_log_text(std::string& line, std::string_view text) {
  if (!text.empty() && std::all_of(text.begin(), text.end(), is_plain))
    line.append(text);
  else
    append_quoted(line, text);
}

std::string valid_utf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  while (!text.empty()) {
    const auto next = first_character(text);
    valid.append(next.valid ? next.bytes : std::string_view("\xef\xbf\xbd"));
    text.remove_prefix(next.bytes.size());
  }
  return valid;
}

void append_log_name(std::string& line, std::string_view name) {
  std::transform(name.begin(), name.end(), std::back_inserter(line),
                 [](char c) { return in_name(c) ? c : '_'; });
}

} // namespace hotslot::daemon
