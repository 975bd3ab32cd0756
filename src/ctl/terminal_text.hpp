// Texts as a terminal can show them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace hotslot::ctl {

/// What may be written. To a terminal whose coding is not UTF-8 a byte of a character may be a control
/// character of its own.
enum class charset { utf8, ascii };

/// What is told by the environment where the descriptor is a terminal, else UTF-8.
charset charset_of(int descriptor);

/// That of standard output.
charset output_charset();

/// `base::printable`, with `\xNN` for what the charset does not have.
std::string printable(std::string_view text, std::string_view kept = {}, charset c = output_charset());

/// How many columns a text takes that is printable: two for a wide character, none for one that is put on
/// the one before.
std::size_t width(std::string_view text);

/// No wider than so many columns; what was cut shows in the last one.
std::string clip(std::string_view text, std::size_t columns, charset c = output_charset());

} // namespace hotslot::ctl
