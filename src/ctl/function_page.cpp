#include "function_page.hpp"

#include "table.hpp"

#include <hotslot/core/printable.hpp>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include <fmt/format.h>

#include <iterator>
#include <string_view>

namespace hotslot::ctl {

namespace json = boost::json;

namespace {

using page = std::vector<std::string>;

const json::value* find(const json::object& in, std::string_view name) { return in.if_contains(name); }

const json::object& object(const json::object& in, std::string_view name) {
  static const json::object nothing;
  const auto* v = find(in, name);
  return v && v->is_object() ? v->get_object() : nothing;
}

const json::array& array(const json::object& in, std::string_view name) {
  static const json::array nothing;
  const auto* v = find(in, name);
  return v && v->is_array() ? v->get_array() : nothing;
}

// A number as milliseconds are read by people, a text without its quotes.
std::string shown(const json::value& v) {
  if (v.is_string())
    return printable(std::string_view(v.get_string()));
  if (!v.is_double())
    return json::serialize(v);
  return fmt::format("{:.{}f}", v.get_double(), v.get_double() < 10 ? 3 : 0);
}

std::string text(const json::object& in, std::string_view name) {
  const auto* v = find(in, name);
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

// By `append_states`.
bool is_shown_above(std::string_view name) {
  return name == "idle" || name == "busy" || name == "resource_waiters";
}

enum class align { left, right };

// What is neither an object nor an array, by its names.
void append_members(page& to, const json::object& in, align values = align::right) {
  table t({"", values == align::left ? "<" : ""});
  for (const auto& member : in)
    if (!member.value().is_object() && !member.value().is_array() && !is_shown_above(member.key()))
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
      cells.push_back(row.is_object() ? text(row.get_object(), name) : "");
    t.add(std::move(cells));
  }
  append(to, t);
}

void append_latencies(page& to, const json::object& latencies) {
  table t({"", "COUNT", "P50", "P90", "P99", "P99.9"});
  const auto add = [&](const std::string& name, const json::object& in) {
    t.add({name, text(in, "count"), text(in, "p50"), text(in, "p90"), text(in, "p99"), text(in, "p99_9")});
  };
  const auto& waits = object(latencies, "wait");
  add("wait for a call", object(waits, "call"));
  add("wait for a start", object(waits, "start"));
  add("wait for resources", object(waits, "resources"));
  add("run", object(latencies, "run"));
  add("start", object(latencies, "start"));
  append(to, t);
  to.push_back("  calls that did not wait: " + text(latencies, "immediate"));
}

void append_states(page& to, const json::object& queue) {
  const auto& states = object(queue, "states");
  heading(to, "now");
  table t({"WAITING", "STARTING", "RUNNING", "IDLE", "BUSY", "WAIT FOR RESOURCES"});
  t.add({text(states, "waiter"), text(states, "starter"), text(states, "runner"), text(queue, "idle"),
         text(queue, "busy"), text(queue, "resource_waiters")});
  append(to, t);
}

} // namespace

page describe_totals(const json::object& stats) {
  const auto& totals = object(stats, "totals");
  page out;
  append_states(out, totals);
  heading(out, "totals");
  append_members(out, totals);
  return out;
}

page describe_function(const json::object& stats) {
  const auto& queue = object(stats, "queue");
  page out{text(queue, "app") + "/" + text(queue, "name")};
  append_members(out,
                 {{"id", text(queue, "id")},
                  {"key", text(queue, "key")},
                  {"trigger", text(queue, "trigger")},
                  {"policy", text(stats, "policy")}},
                 align::left);
  append_states(out, queue);
  heading(out, "latencies in ms");
  append_latencies(out, object(stats, "latency_ms"));
  heading(out, "totals");
  append_members(out, object(queue, "totals"));
  heading(out, "workers");
  append_rows(out, array(stats, "workers"), {"ID", "STATE<", "AGE MS", "IDLE MS", "CALLS"},
              {"id", "state", "age_ms", "idle_ms", "calls"});
  heading(out, "decisions");
  append_rows(out, array(stats, "decisions"), {"MS AGO", "START", "EJECT", "REASON<"},
              {"ago_ms", "start", "eject", "reason"});
  if (const auto& failures = array(stats, "failures"); !failures.empty()) {
    heading(out, "failures");
    append_rows(out, failures, {"MS AGO", "IN A ROW", "RETRY IN MS", "MESSAGE<"},
                {"ago_ms", "in_a_row", "retry_in_ms", "message"});
  }
  return out;
}

} // namespace hotslot::ctl
