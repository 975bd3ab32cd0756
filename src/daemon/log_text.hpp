// Texts of others on a log line: they stay in their place, whatever they hold.
#ifndef HOTSLOT_DAEMON_LOG_TEXT_HPP
#define HOTSLOT_DAEMON_LOG_TEXT_HPP

#include <string>
#include <string_view>

namespace hotslot::daemon {

/// Plain where it can be mistaken for nothing else, else in double quotes. In quotes, `\n`, `\r`, `\t`, `\"`
/// and `\\` are as in C; any other control character, byte that is no UTF-8, or line separator of Unicode is
/// `\xNN` for each of its bytes.
void append_log_text(std::string& line, std::string_view text);

/// Letters, digits, '_', '-' and '.' as they are, '_' for everything else.
void append_log_name(std::string& line, std::string_view name);

} // namespace hotslot::daemon

#endif
