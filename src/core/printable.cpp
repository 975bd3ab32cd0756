#include <hotslot/core/printable.hpp>

#include <algorithm>
#include <cstddef>

namespace hotslot {
namespace {

std::uint8_t byte(char c) { return static_cast<std::uint8_t>(c); }

std::size_t sequence_size(std::uint8_t lead) {
  if (lead < 0x80)
    return 1;
  if (lead >= 0xc2 && lead < 0xe0)
    return 2;
  if (lead >= 0xe0 && lead < 0xf0)
    return 3;
  return lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
}

char short_escape(std::uint32_t c) {
  switch (c) {
  case '\n':
    return 'n';
  case '\r':
    return 'r';
  case '\t':
    return 't';
  default:
    return 0;
  }
}

} // namespace

bool utf8_character::is_printable() const noexcept {
  const auto in = [v = value](std::uint32_t first, std::uint32_t last) { return v >= first && v <= last; };
  return valid && value >= 0x20 && !in(0x7f, 0x9f) && !in(0x2028, 0x202e) && !in(0x2066, 0x2069);
}

utf8_character first_character(std::string_view text) noexcept {
  static constexpr std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  const utf8_character none{.bytes = text.substr(0, 1)};
  const auto size = sequence_size(byte(text.front()));
  if (size == 0 || size > text.size())
    return none;
  std::uint32_t value = size == 1 ? byte(text.front()) : byte(text.front()) & (0x7fu >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(text[i]) & 0xc0) != 0x80)
      return none;
    value = (value << 6) | (byte(text[i]) & 0x3f);
  }
  const bool surrogate = value >= 0xd800 && value < 0xe000;
  if (value < least[size] || value > 0x10ffff || surrogate)
    return none;
  return {.bytes = text.substr(0, size), .value = value, .valid = true};
}

void append_escaped(std::string& out, std::string_view bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  for (char c : bytes) {
    out.append("\\x");
    out.push_back(digits[byte(c) >> 4]);
    out.push_back(digits[byte(c) & 15]);
  }
}

void append_printable(std::string& out, const utf8_character& c) {
  if (c.is_printable())
    out.append(c.bytes);
  else if (const char escape = c.valid ? short_escape(c.value) : 0)
    out.append({'\\', escape});
  else
    append_escaped(out, c.bytes);
}

std::string printable(std::string_view text, std::string_view kept) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto c = first_character(text);
    if (kept.find(c.bytes) != kept.npos)
      out.append(c.bytes);
    else
      append_printable(out, c);
    text.remove_prefix(c.bytes.size());
  }
  return out;
}

} // namespace hotslot
