#include "tracer.hpp"

#include <iterator>
#include <optional>
#include <utility>

namespace hotslot::daemon {
namespace {

constexpr const char* parent_field = "traceparent";
constexpr const char* state_field = "tracestate";

std::optional<trace_context> parent_of(const http::request& request) {
  const auto [first, last] = request.equal_range(parent_field);
  if (first == last || std::next(first) != last)
    return std::nullopt;
  return parse_traceparent(first->value());
}

std::string state_of(const http::request& request) {
  std::string all;
  const auto [first, last] = request.equal_range(state_field);
  for (auto f = first; f != last; ++f) {
    all.append(all.empty() ? "" : ",");
    all.append(f->value());
  }
  return all;
}

} // namespace

call_trace::call_trace(tracer& to, http::request& request, span_kind kind)
  : tracer_(to) {
  const auto parent = parent_of(request);
  context_ = parent.value_or(trace_context{});
  context_.span = make_span_id();
  if (!parent) {
    context_.trace = make_trace_id();
    context_.sampled = is_sampled(context_.trace, to.sample_ratio());
    request.erase(state_field);
  }
  if (!context_.sampled)
    return;
  root_.begin = span::clock::now();
  root_.trace = context_.trace;
  root_.id = context_.span;
  root_.kind = kind;
  if (parent) {
    root_.parent = parent->span;
    root_.trace_state = state_of(request);
  }
}

call_trace::~call_trace() {
  if (!context_.sampled)
    return;
  if (runs_)
    run_ends("it was broken off");
  if (waits_)
    wait_ends(std::nullopt);
  root_.failed = root_.failed || !answered_;
  root_.end = span::clock::now();
  ended_.push_back(std::move(root_));
  tracer_.exporter().add(std::move(ended_));
}

void call_trace::put_into(http::request& request) const {
  request.set(parent_field, format_traceparent(context_));
}

span call_trace::child(std::string_view name, span_kind kind) const {
  span s;
  s.trace = context_.trace;
  s.id = make_span_id();
  s.parent = context_.span;
  s.trace_state = root_.trace_state;
  s.name = name;
  s.kind = kind;
  s.begin = span::clock::now();
  return s;
}

void call_trace::wait_begins() {
  if (!context_.sampled)
    return;
  wait_ = child("wait for a worker", span_kind::internal);
  waits_ = true;
}

void call_trace::wait_ends(std::optional<bool> cold) {
  if (!std::exchange(waits_, false))
    return;
  wait_.end = span::clock::now();
  wait_.failed = !cold;
  if (cold) {
    wait_.set_flag("faas.coldstart", *cold);
    root_.set_flag("faas.coldstart", *cold);
  }
  ended_.push_back(std::move(wait_));
}

void call_trace::run_begins(http::request& request, std::string_view function, std::uint64_t worker) {
  if (!context_.sampled) {
    trace_context below = context_;
    below.span = make_span_id();
    request.set(parent_field, format_traceparent(below));
    return;
  }
  run_ = child("run", span_kind::client);
  run_.name.append(" ").append(function);
  run_.set("faas.invoked_name", std::string(function));
  run_.set("faas.invoked_provider", std::string("hotslot"));
  run_begins_on(worker);
  request.set(parent_field, format_traceparent({run_.trace, run_.id, true}));
}

void call_trace::run_begins_on(std::uint64_t worker) {
  if (!context_.sampled)
    return;
  run_.begin = span::clock::now();
  run_.set("hotslot.worker.id", static_cast<std::int64_t>(worker));
  runs_ = true;
}

void call_trace::run_ends(std::string_view why) {
  if (!std::exchange(runs_, false))
    return;
  run_.end = span::clock::now();
  run_.failed = !why.empty();
  run_.why = why;
  ended_.push_back(std::move(run_));
}

void call_trace::answered(unsigned status) {
  if (std::exchange(answered_, true) || !context_.sampled)
    return;
  root_.set("http.response.status_code", static_cast<std::int64_t>(status));
  root_.failed = status >= 500;
  if (root_.failed)
    root_.set("error.type", std::to_string(status));
}

void call_trace::broke_off(std::string_view why) {
  root_.failed = true;
  root_.why = why;
}

} // namespace hotslot::daemon
