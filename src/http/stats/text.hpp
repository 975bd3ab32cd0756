// Durations and labels as /stats and /metrics write them.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace hotslot::http {

/// `t` in milliseconds or seconds, to the last nanosecond, without an exponent.
void append_milliseconds(std::string& out, std::chrono::nanoseconds t);
void append_seconds(std::string& out, std::chrono::nanoseconds t);

/// A Prometheus label value with its quotes. What is not UTF-8 becomes U+FFFD.
void append_label_value(std::string& out, std::string_view text);

} // namespace hotslot::http
