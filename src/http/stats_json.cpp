#include <hotslot/http/stats_json.hpp>

#include "text.hpp"

namespace hotslot::http {
namespace {

struct counter {
  std::string_view name;
  std::uint64_t queue_totals::*value;
};

constexpr counter counters[] = {
    {"acquired", &queue_totals::acquired},
    {"timed_out", &queue_totals::timed_out},
    {"cancelled", &queue_totals::cancelled},
    {"shed", &queue_totals::shed},
    {"failed", &queue_totals::failed},
    {"launched", &queue_totals::launched},
    {"launch_failed", &queue_totals::launch_failed},
    {"ejected_idle", &queue_totals::ejected_idle},
    {"ejected_gone", &queue_totals::ejected_gone},
    {"ejected_dirty", &queue_totals::ejected_dirty},
    {"ejected_requested", &queue_totals::ejected_requested},
    {"ejected_closed", &queue_totals::ejected_closed},
};

struct named_state {
  std::string_view name;
  queue_state state;
};

constexpr named_state states[] = {
    {"waiter", queue_state::waiter},
    {"starter", queue_state::starter},
    {"runner", queue_state::runner},
};

// Writes members in turn and knows where a comma is due.
class object_writer {
 public:
  explicit object_writer(std::string& out)
    : out_(out) {
    out_ += '{';
  }
  ~object_writer() { out_ += '}'; }
  object_writer(const object_writer&) = delete;
  object_writer& operator=(const object_writer&) = delete;

  std::string& member(std::string_view name) {
    if (!first_)
      out_ += ',';
    first_ = false;
    out_ += '"';
    out_ += name;
    out_ += "\":";
    return out_;
  }

  void number(std::string_view name, std::uint64_t value) { append_number(member(name), value); }
  void string(std::string_view name, std::string_view value) { append_json_string(member(name), value); }

 private:
  std::string& out_;
  bool first_ = true;
};

void write_states(object_writer& in, const queue_snapshot& queue) {
  object_writer object(in.member("states"));
  for (const auto& s : states)
    object.number(s.name, queue.count(s.state));
}

void write_latencies(object_writer& in, const queue_snapshot& queue) {
  object_writer object(in.member("latencies_ms"));
  for (const auto& s : states)
    append_milliseconds(object.member(s.name), queue.latency(s.state));
}

void write_workers(object_writer& object, const queue_snapshot& queue) {
  object.number("idle", queue.idle);
  object.number("busy", queue.busy);
  object.number("resource_waiters", queue.resource_waiters);
}

void write_counters(object_writer& object, const queue_totals& totals) {
  for (const auto& c : counters)
    object.number(c.name, totals.*c.value);
}

void write_queue(std::string& out, const named_queue_snapshot& named) {
  object_writer object(out);
  object.string("key", named.key);
  object.string("id", named.id);
  object.string("app", named.app);
  object.string("name", named.name);
  object.string("trigger", named.trigger);
  write_states(object, named.queue);
  write_latencies(object, named.queue);
  write_workers(object, named.queue);
  object_writer totals(object.member("totals"));
  write_counters(totals, named.queue.totals);
}

void write_queues(std::string& out, const pool_snapshot& pool) {
  out += '[';
  for (std::size_t i = 0; i < pool.queues.size(); ++i) {
    if (i > 0)
      out += ',';
    write_queue(out, pool.queues[i]);
  }
  out += ']';
}

void write_totals(object_writer& in, const pool_snapshot& pool) {
  queue_snapshot sum;
  for (const auto& named : pool.queues)
    accumulate(sum, named.queue);
  object_writer object(in.member("totals"));
  object.number("queues", pool.queues.size());
  write_states(object, sum);
  write_workers(object, sum);
  write_counters(object, sum.totals);
}

} // namespace

std::string render_json(const pool_snapshot& pool) {
  constexpr std::size_t bytes_per_queue = 640;
  std::string out;
  out.reserve((pool.queues.size() + 1) * bytes_per_queue);
  {
    object_writer document(out);
    document.number("schema", stats_schema);
    write_totals(document, pool);
    write_queues(document.member("queues"), pool);
  }
  out += '\n';
  return out;
}

} // namespace hotslot::http
