// Spans as OTLP/HTTP takes them, in JSON.
#pragma once

#include "span.hpp"

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

} // namespace hotslot::daemon
