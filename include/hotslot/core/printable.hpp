// Texts of others, for a terminal or a log: they can be read, and do nothing else.
#ifndef HOTSLOT_CORE_PRINTABLE_HPP
#define HOTSLOT_CORE_PRINTABLE_HPP

#include <cstdint>
#include <string>
#include <string_view>

namespace hotslot {

/// One character of UTF-8, or one byte that is none.
struct utf8_character {
  std::string_view bytes;
  std::uint32_t value = 0; ///< Zero where it is none.
  bool valid = false;

  /// Not where it is none, a control character (C0, DEL, C1), a line or paragraph separator, or changes the
  /// direction of what follows.
  bool is_printable() const noexcept;
};

/// Precondition: `text` is not empty.
utf8_character first_character(std::string_view text) noexcept;

/// `\xNN` for each byte.
void append_escaped(std::string& out, std::string_view bytes);

/// As it is where it is printable, else as `\n`, `\r`, `\t` or `\xNN`.
void append_printable(std::string& out, const utf8_character& c);

/// `text` with what is not printable as `\n`, `\r`, `\t` or `\xNN`. Characters of `kept` stay as they are.
std::string printable(std::string_view text, std::string_view kept = {});

} // namespace hotslot

#endif
