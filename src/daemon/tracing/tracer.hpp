// Which calls are traced, and the spans of one of them.
#pragma once

#include "span_exporter.hpp"

#include <hotslot/http/message.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hotslot::daemon {

/// There is one where tracing is configured. Thread safe.
class tracer {
 public:
  tracer(asio::any_io_executor executor, const tracing_config& config, const logger& log)
    : sample_ratio_(config.sample_ratio)
    , exporter_(std::move(executor), config, log) {}

  double sample_ratio() const noexcept { return sample_ratio_; }
  span_exporter& exporter() noexcept { return exporter_; }
  const span_exporter& exporter() const noexcept { return exporter_; }

 private:
  const double sample_ratio_;
  span_exporter exporter_;
};

/// The spans of one call: the one of the call itself, of a wait for a worker, of the function's run. They are
/// made only where the trace is sampled; it is carried on in any case.
///
/// Used by one coroutine. The call ends with this object, and so do its spans.
class call_trace {
 public:
  /// Goes on with the trace that `request` belongs to, or begins one where it has no valid `traceparent`, or
  /// more than one; its `tracestate` is then of no account, and taken away.
  call_trace(tracer& to, http::request& request, span_kind kind);
  ~call_trace();
  call_trace(const call_trace&) = delete;
  call_trace& operator=(const call_trace&) = delete;

  bool sampled() const noexcept { return context_.sampled; }

  /// The span of the call. Precondition: sampled().
  span& root() noexcept { return root_; }

  /// From now on `request` belongs to the span of the call.
  void put_into(http::request& request) const;

  void wait_begins();
  /// `cold`: the worker has been started for it; nothing where there is none.
  void wait_ends(std::optional<bool> cold);

  /// The function runs, and is told of that span by `request`.
  void run_begins(http::request& request, std::string_view function, std::uint64_t worker);
  /// It has to wait for another worker, which runs it then: of that the span tells.
  void run_moves() noexcept { runs_ = false; }
  void run_begins_on(std::uint64_t worker);
  /// `why` it failed; empty where it has not.
  void run_ends(std::string_view why = {});

  /// What the caller gets, or would get. The first counts.
  void answered(unsigned status);

  /// The answer had begun, and has no end.
  void broke_off(std::string_view why);

 private:
  span child(std::string_view name, span_kind kind) const;

  tracer& tracer_;
  trace_context context_; ///< Of the call's span.
  span root_;
  span wait_;
  span run_;
  bool waits_ = false;
  bool runs_ = false;
  bool answered_ = false;
  std::vector<span> ended_;
};

} // namespace hotslot::daemon
