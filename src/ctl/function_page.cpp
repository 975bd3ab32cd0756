#include "function_page.hpp"

#include "json_view.hpp"
#include "table.hpp"
#include "terminal_text.hpp"

#include <boost/json/serialize.hpp>

#include <fmt/format.h>

#include <iterator>
#include <string_view>

namespace hotslot::ctl {

namespace json = boost::json;

namespace {

using page = std::vector<std::string>;

// A number as milliseconds are read by people, a text without its quotes.
std::string shown(const json::value& v) {
  if (v.is_string())
    return printable(std::string_view(v.get_string()));
  if (!v.is_double())
    return json::serialize(v);
  return fmt::format("{:.{}f}", v.get_double(), v.get_double() < 10 ? 3 : 0);
}

std::string shown_in(const json::object& in, std::string_view name) {
  const auto* v = in.if_contains(name);
  return v ? shown(*v) : "";
}

void heading(page& to, std::string_view name) {
  if (!to.empty())
    to.emplace_back();
  to.emplace_back(name);
}

void append(page& to, const table& t) {
  for (auto& line : t.lines())
    to.push_back("  " + line);
}

// By `append_states`, or only where there are any.
bool is_left_out(const json::key_value_pair& member) {
  const std::string_view name = member.key();
  const bool upkeep = name == "validating" || name == "resetting" || name == "pinged";
  return name == "idle" || name == "busy" || name == "resource_waiters" || (upkeep && member.value() == 0);
}

enum class align { left, right };

// What is neither an object nor an array, by its names.
void append_members(page& to, const json::object& in, align values = align::right) {
  table t({"", values == align::left ? "<" : ""});
  for (const auto& member : in)
    if (!member.value().is_object() && !member.value().is_array() && !is_left_out(member))
      t.add({std::string(member.key()), shown(member.value())});
  auto lines = t.lines();
  for (auto it = std::next(lines.begin()); it != lines.end(); ++it)
    to.push_back("  " + *it);
}

// A row for each element, a column for each name.
void append_rows(page& to, const json::array& rows, const std::vector<std::string>& headings,
                 const std::vector<std::string>& names) {
  table t(headings);
  for (const auto& row : rows) {
    std::vector<std::string> cells;
    for (const auto& name : names)
      cells.push_back(row.is_object() ? shown_in(row.get_object(), name) : "");
    t.add(std::move(cells));
  }
  append(to, t);
}

void append_latencies(page& to, const json::object& latencies) {
  table t({"", "COUNT", "P50", "P90", "P99", "P99.9"});
  const auto add = [&](const std::string& name, const json::object& in) {
    t.add({name, shown_in(in, "count"), shown_in(in, "p50"), shown_in(in, "p90"), shown_in(in, "p99"),
           shown_in(in, "p99_9")});
  };
  const auto& waits = object_in(latencies, "wait");
  add("wait for a call", object_in(waits, "call"));
  add("wait for a start", object_in(waits, "start"));
  add("wait for resources", object_in(waits, "resources"));
  add("run", object_in(latencies, "run"));
  add("start", object_in(latencies, "start"));
  append(to, t);
  to.push_back("  calls that did not wait: " + shown_in(latencies, "immediate"));
}

void append_states(page& to, const json::object& queue) {
  const auto& states = object_in(queue, "states");
  heading(to, "now");
  table t({"WAITING", "STARTING", "RUNNING", "IDLE", "BUSY", "WAIT FOR RESOURCES"});
  t.add({shown_in(states, "waiter"), shown_in(states, "starter"), shown_in(states, "runner"),
         shown_in(queue, "idle"), shown_in(queue, "busy"), shown_in(queue, "resource_waiters")});
  append(to, t);
}

} // namespace

page describe_totals(const json::object& stats) {
  const auto& totals = object_in(stats, "totals");
  page out;
  append_states(out, totals);
  heading(out, "totals");
  append_members(out, totals);
  return out;
}

page describe_function(const json::object& stats) {
  const auto& queue = object_in(stats, "queue");
  page out{shown_in(queue, "app") + "/" + shown_in(queue, "name")};
  append_members(out,
                 {{"id", shown_in(queue, "id")},
                  {"key", shown_in(queue, "key")},
                  {"trigger", shown_in(queue, "trigger")},
                  {"policy", shown_in(stats, "policy")}},
                 align::left);
  append_states(out, queue);
  heading(out, "latencies in ms");
  append_latencies(out, object_in(stats, "latency_ms"));
  heading(out, "totals");
  append_members(out, object_in(queue, "totals"));
  heading(out, "workers");
  append_rows(out, array_in(stats, "workers"), {"ID", "STATE<", "AGE MS", "IDLE MS", "CALLS"},
              {"id", "state", "age_ms", "idle_ms", "calls"});
  heading(out, "decisions");
  append_rows(out, array_in(stats, "decisions"), {"MS AGO", "START", "EJECT", "REASON<"},
              {"ago_ms", "start", "eject", "reason"});
  if (const auto& failures = array_in(stats, "failures"); !failures.empty()) {
    heading(out, "failures");
    append_rows(out, failures, {"MS AGO", "IN A ROW", "RETRY IN MS", "MESSAGE<"},
                {"ago_ms", "in_a_row", "retry_in_ms", "message"});
  }
  return out;
}

} // namespace hotslot::ctl
