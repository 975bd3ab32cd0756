#include "log_text.hpp"

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

struct code_point {
  std::uint32_t value;
  std::size_t size; ///< In bytes; 0 where they are no UTF-8.
};

std::size_t sequence_size(std::uint8_t lead) {
  if (lead < 0x80)
    return 1;
  if (lead >= 0xc2 && lead < 0xe0)
    return 2;
  if (lead >= 0xe0 && lead < 0xf0)
    return 3;
  return lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
}

code_point decode(std::string_view text) {
  static constexpr std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  const auto size = sequence_size(byte(text.front()));
  if (size == 0 || size > text.size())
    return {0, 0};
  std::uint32_t value = size == 1 ? byte(text.front()) : byte(text.front()) & (0x7fu >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(text[i]) & 0xc0) != 0x80)
      return {0, 0};
    value = (value << 6) | (byte(text[i]) & 0x3f);
  }
  const bool surrogate = value >= 0xd800 && value < 0xe000;
  if (value < least[size] || value > 0x10ffff || surrogate)
    return {0, 0};
  return {value, size};
}

// C0 and C1 controls, and what some readers take for the end of a line.
bool is_unsafe(std::uint32_t c) { return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029; }

void append_escaped_bytes(std::string& line, std::string_view bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  for (char c : bytes) {
    line.append("\\x");
    line.push_back(digits[byte(c) >> 4]);
    line.push_back(digits[byte(c) & 15]);
  }
}

char short_escape(std::uint32_t c) {
  switch (c) {
  case '\n':
    return 'n';
  case '\r':
    return 'r';
  case '\t':
    return 't';
  case '"':
    return '"';
  case '\\':
    return '\\';
  default:
    return 0;
  }
}

void append_quoted(std::string& line, std::string_view text) {
  line.push_back('"');
  while (!text.empty()) {
    const auto c = decode(text);
    const auto bytes = text.substr(0, std::max<std::size_t>(c.size, 1));
    if (const char escape = c.size ? short_escape(c.value) : 0)
      line.append({'\\', escape});
    else if (c.size == 0 || is_unsafe(c.value))
      append_escaped_bytes(line, bytes);
    else
      line.append(bytes);
    text.remove_prefix(bytes.size());
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

void append_log_name(std::string& line, std::string_view name) {
  std::transform(name.begin(), name.end(), std::back_inserter(line),
                 [](char c) { return in_name(c) ? c : '_'; });
}

} // namespace hotslot::daemon
