// Pieces of HTTP/1.1 messages as text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace hotslot::base {

inline constexpr std::string_view line_end = "\r\n";
inline constexpr std::string_view last_chunk = "0\r\n\r\n";

/// Whether it is a token (RFC 9110, 5.6.2): the name of a field, a method.
bool is_token(std::string_view text) noexcept;

/// As programs read it that take "_" for "-" in the name of a field, as CGI does.
std::string hyphenated(std::string_view name);

/// Whether it holds no control character but the tab.
bool is_field_value(std::string_view text) noexcept;

void append_field(std::string& out, std::string_view name, std::string_view value);

/// The line in front of a chunk.
void append_chunk_size(std::string& out, std::size_t size);

/// Without the blanks around it.
std::string_view trimmed(std::string_view text) noexcept;

} // namespace hotslot::base
