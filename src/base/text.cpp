#include "text.hpp"

#include <boost/algorithm/hex.hpp>

#include <array>
#include <cstddef>
#include <cstdio>
#include <iterator>

namespace hotslot::base {
namespace {

std::uint8_t to_byte(char c) { return static_cast<std::uint8_t>(c); }

std::size_t sequence_size(std::uint8_t lead) {
  if (lead < 0x80)
    return 1;
  if (lead >= 0xc2 && lead < 0xe0)
    return 2;
  if (lead >= 0xe0 && lead < 0xf0)
    return 3;
  return lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
}

char short_escape(const utf8_character& c) {
  if (c.bytes == "\n")
    return 'n';
  if (c.bytes == "\r")
    return 'r';
  return c.bytes == "\t" ? 't' : 0;
}

// What is not printable has at most four digits.
void append_code(std::string& out, std::uint32_t value) {
  std::array<char, 8> text;
  const int n = std::snprintf(text.data(), text.size(), "\\u%04x", static_cast<unsigned>(value));
  out.append(text.data(), static_cast<std::size_t>(n));
}

void append_escape(std::string& out, const utf8_character& c) {
  if (!c.valid)
    out.append(replacement_character);
  else if (c.is_one_of("\"\\"))
    out.append("\\").append(c.bytes);
  else if (c.is_one_of("\n\r\t"))
    out.append(c.value == '\n' ? "\\n" : c.value == '\r' ? "\\r" : "\\t");
  else
    append_code(out, c.value);
}

} // namespace

utf8_character first_character(std::string_view text) noexcept {
  static constexpr std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  const utf8_character none{.bytes = text.substr(0, 1)};
  const auto size = sequence_size(to_byte(text.front()));
  if (size == 0 || size > text.size())
    return none;
  std::uint32_t value = size == 1 ? to_byte(text.front()) : to_byte(text.front()) & (0x7fu >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((to_byte(text[i]) & 0xc0) != 0x80)
      return none;
    value = (value << 6) | (to_byte(text[i]) & 0x3f);
  }
  const bool surrogate = value >= 0xd800 && value < 0xe000;
  if (value < least[size] || value > 0x10ffff || surrogate)
    return none;
  return {.bytes = text.substr(0, size), .value = value, .valid = true};
}

std::string valid_utf8(std::string_view text) {
  std::string valid;
  append_escaping(
      valid, text, [](const auto& c) { return !c.valid; },
      [&](const auto&) { valid.append(replacement_character); });
  return valid;
}

void append_bytes(std::string& out, std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    out.append("\\x");
    boost::algorithm::hex_lower(bytes.substr(i, 1), std::back_inserter(out));
  }
}

void append_printable(std::string& out, const utf8_character& c) {
  if (c.is_printable())
    out.append(c.bytes);
  else if (const char escape = short_escape(c))
    out.append({'\\', escape});
  else
    append_bytes(out, c.bytes);
}

std::string printable(std::string_view text, std::string_view kept) {
  std::string out;
  append_escaping(
      out, text, [&](const auto& c) { return !c.is_printable() && !c.is_one_of(kept); },
      [&](const auto& c) { append_printable(out, c); });
  return out;
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  append_escaping(
      out, text, [](const auto& c) { return !c.is_printable() || c.value == '"' || c.value == '\\'; },
      [&](const auto& c) { append_escape(out, c); });
  out += '"';
}

} // namespace hotslot::base
