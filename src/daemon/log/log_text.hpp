// Texts of others on a log line: they stay in their place, whatever they hold.
#pragma once

#include <string>
#include <string_view>

namespace hotslot::daemon {

struct text_field {
  std::string_view name;
  std::string_view value;
};

/// Plain where it can be mistaken for nothing else, else in double quotes. In quotes, `\n`, `\r`, `\t`, `\"`
/// and `\\` are as in C; whatever else is not printable (`utf8_character::is_printable`) is `\xNN` for each
/// of its bytes.
void append_log_text(std::string& line, std::string_view text);

/// Letters, digits, '_', '-' and '.' as they are, '_' for everything else.
void append_log_name(std::string& line, std::string_view name);

} // namespace hotslot::daemon
