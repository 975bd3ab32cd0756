#include <hotslot/http/stats_json.hpp>

#include "json_writer.hpp"

namespace hotslot::http {
namespace {

std::string_view state_name(worker_view::state_type s) {
  switch (s) {
  case worker_view::state_type::idle:
    return "idle";
  case worker_view::state_type::paused:
    return "paused";
  case worker_view::state_type::busy:
    break;
  }
  return "busy";
}

void append_latencies(std::string& out, const queue_histograms& h) {
  object_writer object(out);
  object.number("immediate", h.immediate);
  {
    object_writer waits(object.member("wait"));
    append_histogram(waits.member("call"), h.wait(wait_cause::call));
    append_histogram(waits.member("start"), h.wait(wait_cause::start));
    append_histogram(waits.member("resources"), h.wait(wait_cause::resources));
  }
  append_histogram(object.member("run"), h.runs);
  append_histogram(object.member("start"), h.starts);
}

void append_decision(std::string& out, const decision_view& d) {
  object_writer object(out);
  object.milliseconds("ago_ms", d.ago);
  object.number("start", d.start);
  object.number("eject", d.eject);
  object.string("reason", d.reason);
}

void append_worker(std::string& out, const worker_view& w) {
  object_writer object(out);
  object.number("id", w.id);
  object.string("state", state_name(w.state));
  object.milliseconds("age_ms", w.age);
  object.milliseconds("idle_ms", w.idle_for);
  object.number("calls", w.calls);
}

void append_leak(std::string& out, const leaked_lease& l) {
  object_writer object(out);
  object.number("offer", l.offer);
  object.milliseconds("age_ms", l.age);
  object.string("file", l.where.file_name());
  object.number("line", l.where.line());
  object.string("function", l.where.function_name());
}

} // namespace

std::string render_json(const queue_detail& detail) {
  std::string out;
  {
    object_writer document(out);
    document.number("schema", stats_schema);
    append_queue(document.member("queue"), detail.queue);
    append_latencies(document.member("latency_ms"), detail.histograms);
    document.string("policy", detail.policy);
    append_array(document.member("decisions"), detail.decisions, append_decision);
    append_array(document.member("workers"), detail.workers, append_worker);
    append_array(document.member("failures"), detail.failures, append_failure);
    append_array(document.member("leaks"), detail.leaks, append_leak);
  }
  out += '\n';
  return out;
}

} // namespace hotslot::http
