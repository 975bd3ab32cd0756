#include "text.hpp"

#include <algorithm>
#include <charconv>

namespace hotslot::http {
namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd";

struct utf8_range {
  unsigned char lead_first, lead_last, second_first, second_last;
  std::size_t length;
};

// Table 3-7 of the Unicode standard: no overlong forms, no surrogates, nothing above U+10FFFF.
constexpr utf8_range utf8_ranges[] = {
    {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
    {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
    {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
};

bool in(unsigned char c, unsigned char first, unsigned char last) { return c >= first && c <= last; }

// The length of the multi-byte character that `text` begins with, or 0.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  for (const auto& r : utf8_ranges) {
    if (!in(byte(0), r.lead_first, r.lead_last))
      continue;
    if (text.size() < r.length || !in(byte(1), r.second_first, r.second_last))
      return 0;
    for (std::size_t i = 2; i < r.length; ++i)
      if (!in(byte(i), 0x80, 0xbf))
        return 0;
    return r.length;
  }
  return 0;
}

// Copies runs of plain characters in one piece; `escape` appends a special one.
template <class Special, class Escape>
void append_escaped(std::string& out, std::string_view text, Special special, Escape escape) {
  std::size_t run = 0, i = 0;
  const auto flush = [&] { out.append(text, run, i - run); };
  while (i < text.size()) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x80 && !special(c)) {
      ++i;
    } else if (const std::size_t n = c < 0x80 ? 0 : utf8_length(text.substr(i)); n > 0) {
      i += n;
    } else {
      flush();
      if (c < 0x80)
        escape(c);
      else
        out += replacement;
      run = ++i;
    }
  }
  flush();
}

void append_json_escape(std::string& out, unsigned char c) {
  switch (c) {
  case '"':
    out += "\\\"";
    return;
  case '\\':
    out += "\\\\";
    return;
  case '\n':
    out += "\\n";
    return;
  case '\r':
    out += "\\r";
    return;
  case '\t':
    out += "\\t";
    return;
  default:
    break;
  }
  constexpr char hex[] = "0123456789abcdef";
  out += "\\u00";
  out += hex[c >> 4];
  out += hex[c & 15];
}

void append_label_escape(std::string& out, unsigned char c) {
  out += '\\';
  out += c == '\n' ? 'n' : static_cast<char>(c);
}

// value / 10^places, without trailing zeros.
void append_scaled(std::string& out, std::uint64_t value, std::size_t places) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  const auto length = static_cast<std::size_t>(end - digits);
  std::string_view all(digits, length);
  const std::size_t whole = length > places ? length - places : 0;
  if (whole == 0)
    out += '0';
  out += all.substr(0, whole);
  std::string_view rest = all.substr(whole);
  const std::size_t zeros = places - rest.size();
  if (const auto last = rest.find_last_not_of('0'); last != rest.npos) {
    out += '.';
    out.append(zeros, '0');
    out += rest.substr(0, last + 1);
  }
}

std::uint64_t non_negative(std::chrono::nanoseconds t) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(t.count(), 0));
}

} // namespace

void append_number(std::string& out, std::uint64_t value) {
  char digits[20];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

void append_milliseconds(std::string& out, std::chrono::nanoseconds t) {
  append_scaled(out, non_negative(t), 6);
}

void append_seconds(std::string& out, std::chrono::nanoseconds t) { append_scaled(out, non_negative(t), 9); }

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  append_escaped(
      out, text, [](unsigned char c) { return c < 0x20 || c == '"' || c == '\\'; },
      [&](unsigned char c) { append_json_escape(out, c); });
  out += '"';
}

void append_label_value(std::string& out, std::string_view text) {
  out += '"';
  append_escaped(
      out, text, [](unsigned char c) { return c == '\n' || c == '"' || c == '\\'; },
      [&](unsigned char c) { append_label_escape(out, c); });
  out += '"';
}

} // namespace hotslot::http
