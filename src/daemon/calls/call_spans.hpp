// How a call begins, and what spans tell of it, by OpenTelemetry's semantic conventions for HTTP and FaaS.
#pragma once

#include "daemon/config/config.hpp"
#include "daemon/tracing/tracer.hpp"

#include <hotslot/http/exchange.hpp>
#include <hotslot/http/message.hpp>
#include <hotslot/process/contract.hpp>

#include <chrono>
#include <string>
#include <string_view>

namespace hotslot::daemon {

/// What a call has from its beginning on.
struct call_start {
  std::string id;
  std::string_view scheme = "http";
  bool http_trigger = false;   ///< Called through its HTTP trigger, not by /invoke.
  bool detached = false;       ///< Its caller does not wait for it.
  call_trace* trace = nullptr; ///< Null: it is not traced.
};

inline process::call_context context_of(const call_start& start,
                                        std::chrono::system_clock::time_point deadline = {}) {
  return {
      .call_id = start.id, .deadline = deadline, .http_trigger = start.http_trigger, .scheme = start.scheme};
}

/// Of a call as it comes in.
void describe_call(call_trace& trace, const function_config& of, const http::request& request,
                   const http::exchange& exchange, const call_start& start);

/// Of the run of a detached call: a span of its own, below that in which it was accepted.
void describe_detached(call_trace& trace, const function_config& of, std::string_view call_id);

} // namespace hotslot::daemon
