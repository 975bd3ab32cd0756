// Texts of others: looked at one character at a time, and shown so that they can be read and do nothing else.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hotslot::base {

inline constexpr std::string_view replacement_character = "\xef\xbf\xbd";

/// One character of UTF-8, or one byte that is none.
struct utf8_character {
  std::string_view bytes;
  std::uint32_t value = 0; ///< Zero where it is none.
  bool valid = false;

  /// Not where it is none, a control character (C0, DEL, C1), a line or paragraph separator, or one that
  /// changes the direction of what is around it (those that Unicode calls Bidi_Control, and their
  /// forerunners).
  constexpr bool is_printable() const noexcept {
    return valid && value >= 0x20 && !is_in(0x7f, 0x9f) && value != 0x61c && !is_in(0x200e, 0x200f) &&
           !is_in(0x2028, 0x202e) && !is_in(0x2066, 0x206f);
  }

  /// Whether it is one of the ASCII characters of `some`.
  constexpr bool is_one_of(std::string_view some) const noexcept {
    return valid && value < 0x80 && some.find(static_cast<char>(value)) != some.npos;
  }

 private:
  constexpr bool is_in(std::uint32_t first, std::uint32_t last) const noexcept {
    return value >= first && value <= last;
  }
};

/// Precondition: `text` is not empty.
utf8_character first_character(std::string_view text) noexcept;

/// Appends `text`, runs of characters in one piece; those for which `special(character)` holds by
/// `escape(character)`.
template <class Special, class Escape>
void append_escaping(std::string& out, std::string_view text, Special special, Escape escape) {
  std::size_t run = 0, i = 0;
  while (i < text.size()) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto c =
        byte < 0x80 ? utf8_character{text.substr(i, 1), byte, true} : first_character(text.substr(i));
    i += c.bytes.size();
    if (!special(c))
      continue;
    out.append(text, run, i - c.bytes.size() - run);
    escape(c);
    run = i;
  }
  out.append(text, run);
}

/// With U+FFFD in place of each byte that is no UTF-8.
std::string valid_utf8(std::string_view text);

/// `\xNN` for each byte.
void append_bytes(std::string& out, std::string_view bytes);

/// As it is where it is printable, else as `\n`, `\r`, `\t` or `\xNN`.
void append_printable(std::string& out, const utf8_character& c);

/// `text` with what is not printable as `\n`, `\r`, `\t` or `\xNN`. Characters of `kept` stay as they are.
std::string printable(std::string_view text, std::string_view kept = {});

/// With its quotes. What a terminal would act on is escaped, so that a document can be looked at; what is no
/// UTF-8 becomes U+FFFD.
void append_json_string(std::string& out, std::string_view text);

} // namespace hotslot::base
