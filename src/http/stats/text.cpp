#include "text.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <charconv>

namespace hotslot::http {
namespace {

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

void append_milliseconds(std::string& out, std::chrono::nanoseconds t) {
  append_scaled(out, non_negative(t), 6);
}

void append_seconds(std::string& out, std::chrono::nanoseconds t) { append_scaled(out, non_negative(t), 9); }

void append_label_value(std::string& out, std::string_view text) {
  out += '"';
  base::append_escaping(
      out, text, [](const auto& c) { return !c.valid || c.is_one_of("\n\"\\"); },
      [&](const auto& c) {
        if (!c.valid)
          out.append(base::replacement_character);
        else
          out.append("\\").append(c.value == '\n' ? "n" : c.bytes);
      });
  out += '"';
}

} // namespace hotslot::http
