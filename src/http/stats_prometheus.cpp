#include <hotslot/http/stats_prometheus.hpp>

#include "text.hpp"

#include <span>
#include <vector>

namespace hotslot::http {
namespace {

struct series {
  std::string_view labels; ///< Beside those of the queue, with a comma in front.
  std::uint64_t (*value)(const queue_snapshot&);
};

enum class unit { count, seconds };

struct family {
  std::string_view name, type, help;
  unit in;
  std::span<const series> all;
};

template <std::uint64_t queue_snapshot::*Member>
std::uint64_t of(const queue_snapshot& q) {
  return q.*Member;
}

template <std::uint64_t queue_totals::*Member>
std::uint64_t total(const queue_snapshot& q) {
  return q.totals.*Member;
}

template <queue_state State>
std::uint64_t count(const queue_snapshot& q) {
  return q.count(State);
}

template <queue_state State>
std::uint64_t latency(const queue_snapshot& q) {
  return static_cast<std::uint64_t>(q.latency(State).count());
}

constexpr series waiters[] = {{"", count<queue_state::waiter>}};
constexpr series starters[] = {{"", count<queue_state::starter>}};
constexpr series runners[] = {{"", count<queue_state::runner>}};
constexpr series idle[] = {{"", of<&queue_snapshot::idle>}};
constexpr series busy[] = {{"", of<&queue_snapshot::busy>}};
constexpr series resource_waiters[] = {{"", of<&queue_snapshot::resource_waiters>}};
constexpr series latencies[] = {
    {",state=\"waiter\"", latency<queue_state::waiter>},
    {",state=\"starter\"", latency<queue_state::starter>},
    {",state=\"runner\"", latency<queue_state::runner>},
};
constexpr series acquired[] = {{"", total<&queue_totals::acquired>}};
constexpr series unserved[] = {
    {",reason=\"timed_out\"", total<&queue_totals::timed_out>},
    {",reason=\"cancelled\"", total<&queue_totals::cancelled>},
    {",reason=\"shed\"", total<&queue_totals::shed>},
    {",reason=\"failed\"", total<&queue_totals::failed>},
};
constexpr series launched[] = {{"", total<&queue_totals::launched>}};
constexpr series launch_failed[] = {{"", total<&queue_totals::launch_failed>}};
constexpr series ejected[] = {
    {",reason=\"idle\"", total<&queue_totals::ejected_idle>},
    {",reason=\"gone\"", total<&queue_totals::ejected_gone>},
    {",reason=\"dirty\"", total<&queue_totals::ejected_dirty>},
    {",reason=\"requested\"", total<&queue_totals::ejected_requested>},
    {",reason=\"closed\"", total<&queue_totals::ejected_closed>},
};

constexpr family families[] = {
    {"hotslot_queue_waiters", "gauge", "Calls that wait for a slot.", unit::count, waiters},
    {"hotslot_queue_starters", "gauge", "Workers that are being started.", unit::count, starters},
    {"hotslot_queue_runners", "gauge", "Workers that run a call.", unit::count, runners},
    {"hotslot_queue_idle_workers", "gauge", "Workers whose slot is free.", unit::count, idle},
    {"hotslot_queue_busy_workers", "gauge", "Workers whose slot is granted or leased.", unit::count, busy},
    {"hotslot_queue_resource_waiters", "gauge", "Starts that wait for memory or processor time.", unit::count,
     resource_waiters},
    {"hotslot_queue_latency_seconds", "gauge", "Weighted average time spent in a state.", unit::seconds,
     latencies},
    {"hotslot_slots_acquired_total", "counter", "Slots handed to callers.", unit::count, acquired},
    {"hotslot_calls_unserved_total", "counter", "Waits that ended without a slot, by reason.", unit::count,
     unserved},
    {"hotslot_workers_launched_total", "counter", "Workers started.", unit::count, launched},
    {"hotslot_launch_failures_total", "counter", "Worker starts that failed.", unit::count, launch_failed},
    {"hotslot_slots_ejected_total", "counter", "Slots closed, by reason.", unit::count, ejected},
};

constexpr std::size_t longest_number = 21;

// "{app=…,fn=…,key=…" of every queue, back to back: rendered once, used by every series.
class label_table {
 public:
  explicit label_table(const pool_snapshot& pool) {
    text_.reserve(pool.queues.size() * 128);
    ends_.reserve(pool.queues.size());
    for (const auto& q : pool.queues)
      add(q);
  }

  std::string_view operator[](std::size_t i) const {
    const std::size_t begin = i == 0 ? 0 : ends_[i - 1];
    return std::string_view(text_).substr(begin, ends_[i] - begin);
  }

  std::size_t bytes() const { return text_.size(); }

 private:
  void add(const named_queue_snapshot& q) {
    text_ += "{app=";
    append_label_value(text_, q.app);
    text_ += ",fn=";
    append_label_value(text_, q.name);
    text_ += ",key=";
    append_label_value(text_, q.key);
    ends_.push_back(text_.size());
  }

  std::string text_;
  std::vector<std::size_t> ends_;
};

void append_header(std::string& out, std::string_view name, std::string_view type, std::string_view help) {
  for (auto part : {std::string_view("# HELP "), name, std::string_view(" "), help,
                    std::string_view("\n# TYPE "), name, std::string_view(" "), type, std::string_view("\n")})
    out += part;
}

void append_value(std::string& out, unit in, std::uint64_t value) {
  if (in == unit::seconds)
    append_seconds(out, std::chrono::nanoseconds(value));
  else
    append_number(out, value);
}

void append_family(std::string& out, const family& f, const pool_snapshot& pool, const label_table& labels) {
  append_header(out, f.name, f.type, f.help);
  for (std::size_t i = 0; i < pool.queues.size(); ++i)
    for (const auto& s : f.all) {
      out += f.name;
      out += labels[i];
      out += s.labels;
      out += "} ";
      append_value(out, f.in, s.value(pool.queues[i].queue));
      out += '\n';
    }
}

std::size_t bytes_needed(const pool_snapshot& pool, const label_table& labels) {
  std::size_t bytes = 1024;
  for (const auto& f : families) {
    bytes += 2 * f.name.size() + f.help.size() + 32;
    for (const auto& s : f.all)
      bytes += labels.bytes() + pool.queues.size() * (f.name.size() + s.labels.size() + longest_number + 4);
  }
  return bytes;
}

void append_build_info(std::string& out, std::string_view version) {
  append_header(out, "hotslot_build_info", "gauge", "Always 1; the version is a label.");
  out += "hotslot_build_info{version=";
  append_label_value(out, version);
  out += "} 1\n";
}

void append_queue_count(std::string& out, std::size_t queues) {
  append_header(out, "hotslot_queues", "gauge", "Slot queues.");
  out += "hotslot_queues ";
  append_number(out, queues);
  out += '\n';
}

} // namespace

std::string render_prometheus(const pool_snapshot& pool, std::string_view version) {
  const label_table labels(pool);
  std::string out;
  out.reserve(bytes_needed(pool, labels));
  append_build_info(out, version);
  append_queue_count(out, pool.queues.size());
  for (const auto& f : families)
    append_family(out, f, pool, labels);
  return out;
}

} // namespace hotslot::http
