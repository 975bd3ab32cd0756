// Spans as OTLP/HTTP takes them, in JSON.
#pragma once

#include "span.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace hotslot::daemon {

struct trace_resource {
  std::string_view service_name;
  std::string_view version;
  std::int64_t pid = 0;
};

/// The body of `POST /v1/traces`: an ExportTraceServiceRequest in the JSON form of Protocol Buffers as OTLP
/// 1.0 has it, ids in hexadecimal. Bytes that are no UTF-8 are replaced.
std::string render_otlp(const trace_resource& from, std::span<const span> spans);

/// What a collector says of spans that it has answered with 200.
struct otlp_reply {
  std::uint64_t rejected = 0; ///< So many of them.
  std::string message = {};   ///< Why; or, where none was, a warning.
};

/// The body of that answer: an ExportTraceServiceResponse. What is none says nothing.
otlp_reply parse_otlp_reply(std::string_view body);

/// `Retry-After` (RFC 9110, 10.2.3): so many seconds, or a date. Nothing where it is neither.
std::optional<std::chrono::seconds> parse_retry_after(std::string_view value,
                                                      std::chrono::system_clock::time_point now);

} // namespace hotslot::daemon
