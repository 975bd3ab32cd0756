// Numbers as text.
#pragma once

#include <array>
#include <charconv>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>

namespace hotslot::base {

/// Decimal, and all of `text`: nothing where anything stands before or behind it, or where it is too large.
template <std::unsigned_integral T>
std::optional<T> parse_number(std::string_view text) noexcept {
  T n = 0;
  const auto end = text.data() + text.size();
  const auto [stop, failed] = std::from_chars(text.data(), end, n);
  return failed == std::errc() && stop == end ? std::optional(n) : std::nullopt;
}

/// The shortest text that means this number.
template <class T>
void append_number(std::string& out, T n) {
  std::array<char, 32> digits;
  out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), n).ptr);
}

} // namespace hotslot::base
