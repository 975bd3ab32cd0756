#include <hotslot/http/stats_json.hpp>

#include "json_writer.hpp"
#include "queue_counters.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>

namespace hotslot::http {
namespace {

struct percentile {
  std::string_view name;
  double p;
};

constexpr percentile percentiles[] = {{"p50", 50}, {"p90", 90}, {"p99", 99}, {"p99_9", 99.9}};

void write_states(object_writer& in, const queue_snapshot& queue) {
  object_writer object(in.member("states"));
  for (const auto& s : counted_states)
    object.number(s.name, queue.count(s.state));
}

void write_latencies(object_writer& in, const queue_snapshot& queue) {
  object_writer object(in.member("latencies_ms"));
  for (const auto& s : counted_states)
    object.milliseconds(s.name, queue.latency(s.state));
}

void write_workers(object_writer& object, const queue_snapshot& queue) {
  object.number("idle", queue.idle);
  object.number("busy", queue.busy);
  object.number("validating", queue.validating);
  object.number("resetting", queue.resetting);
  object.number("pinged", queue.pinged);
  object.number("resource_waiters", queue.resource_waiters);
}

void write_counters(object_writer& object, const queue_totals& totals) {
  for (const auto& c : counters)
    object.number(c.name, totals.*c.value);
}

std::string_view text_of(queue_condition c) {
  constexpr std::string_view names[] = {"resting",    "serving", "starting",    "waiting",
                                        "calls_fail", "failing", "breaker_open"};
  return names[static_cast<std::size_t>(c)];
}

void write_detached(object_writer& in, const detached_counts& counts) {
  object_writer object(in.member("detached"));
  for (const auto& c : detached_counters)
    object.number(c.name, counts.*c.value);
}

void write_spans(object_writer& in, const span_counts& spans) {
  object_writer object(in.member("spans"));
  object.number("queued", spans.queued);
  object.number("exported", spans.exported);
  object.number("dropped", spans.dropped);
}

void write_totals(object_writer& in, const pool_snapshot& pool) {
  queue_snapshot sum;
  std::uint64_t errors = 0;
  for (const auto& named : pool.queues) {
    accumulate(sum, named.queue);
    errors += errors_in(named);
  }
  object_writer object(in.member("totals"));
  object.number("queues", pool.queues.size());
  write_states(object, sum);
  write_workers(object, sum);
  object.number("errors", errors);
  write_counters(object, sum.totals);
}

} // namespace

void append_histogram(std::string& out, const latency_histogram& h) {
  object_writer object(out);
  object.number("count", h.count());
  object.milliseconds("sum", h.sum());
  for (const auto& p : percentiles)
    object.milliseconds(p.name, h.percentile(p.p));
}

void append_failure(std::string& out, const failure_view& f) {
  object_writer object(out);
  object.milliseconds("ago_ms", f.ago);
  object.string("message", f.message);
  object.number("in_a_row", f.in_a_row);
  object.milliseconds("retry_in_ms", f.retry_in);
  object.boolean("breaker_open", f.breaker_open);
}

void append_queue(std::string& out, const named_queue_snapshot& named) {
  object_writer object(out);
  object.string("key", named.key);
  object.string("id", named.id);
  object.string("app", named.app);
  object.string("name", named.name);
  object.string("trigger", named.trigger);
  object.string("condition", text_of(condition_of(named)));
  object.number("errors", errors_in(named));
  write_states(object, named.queue);
  write_latencies(object, named.queue);
  write_workers(object, named.queue);
  if (named.queue.max_workers != std::numeric_limits<std::uint64_t>::max())
    object.number("max_workers", named.queue.max_workers);
  object.boolean("suspended", named.queue.suspended);
  if (named.failure)
    append_failure(object.member("failure"), *named.failure);
  if (named.failed_calls) {
    object_writer failed(object.member("failed_calls"));
    failed.number("total", named.failed_calls->total);
    failed.number("in_a_row", named.failed_calls->in_a_row);
  }
  if (named.waits)
    append_histogram(object.member("wait_ms"), *named.waits);
  if (named.detached)
    write_detached(object, *named.detached);
  if (named.rate_limited)
    object.number("rate_limited", *named.rate_limited);
  object_writer totals(object.member("totals"));
  write_counters(totals, named.queue.totals);
}

std::string render_json(const pool_snapshot& pool, std::size_t shown, std::optional<std::size_t> matching) {
  constexpr std::size_t bytes_per_queue = 640;
  const auto queues = std::span(pool.queues).first(std::min(shown, pool.queues.size()));
  std::string out;
  out.reserve((queues.size() + 1) * bytes_per_queue);
  {
    object_writer document(out);
    document.number("schema", stats_schema);
    write_totals(document, pool);
    if (matching)
      document.number("matching", *matching);
    if (pool.spans)
      write_spans(document, *pool.spans);
    append_array(document.member("queues"), queues, append_queue);
  }
  out += '\n';
  return out;
}

} // namespace hotslot::http
