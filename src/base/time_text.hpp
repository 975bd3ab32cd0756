// Times as text, in UTC whatever the locale.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace hotslot::base {

/// `2024-05-01T09:30:00.125Z` (RFC 3339).
std::string rfc3339_time(std::chrono::system_clock::time_point t);

/// `Wed, 01 May 2024 09:30:00 GMT` (RFC 9110, 5.6.7).
std::string http_date(std::chrono::system_clock::time_point t);
/// The same form, and no other of RFC 9110's.
std::optional<std::chrono::system_clock::time_point> parse_http_date(std::string_view text);

/// `[01/May/2024:09:30:00 +0000]`, as in Apache's Common Log Format.
std::string common_log_time(std::chrono::system_clock::time_point t);

} // namespace hotslot::base
