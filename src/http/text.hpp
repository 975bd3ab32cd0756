// Appending numbers and quoted strings to a text that is being rendered.
#ifndef HOTSLOT_SRC_HTTP_TEXT_HPP
#define HOTSLOT_SRC_HTTP_TEXT_HPP

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace hotslot::http {

void append_number(std::string& out, std::uint64_t value);

/// `t` in milliseconds or seconds, to the last nanosecond, without an exponent.
void append_milliseconds(std::string& out, std::chrono::nanoseconds t);
void append_seconds(std::string& out, std::chrono::nanoseconds t);

/// A JSON string with its quotes. What is not UTF-8 becomes U+FFFD.
void append_json_string(std::string& out, std::string_view text);

/// A Prometheus label value with its quotes. What is not UTF-8 becomes U+FFFD.
void append_label_value(std::string& out, std::string_view text);

} // namespace hotslot::http

#endif
