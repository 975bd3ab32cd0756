#include "pool_view.hpp"

#include "failure.hpp"
#include "json_view.hpp"

#include <boost/json/parse.hpp>

#include <algorithm>
#include <utility>

namespace hotslot::ctl {

namespace json = boost::json;

namespace {

[[noreturn]] void refuse() { throw failure(exit_code::unreachable, "the answer is not one of hotslotd"); }

// `totals` has the counters beside what is in `in`.
function_view read_figures(const json::object& in, const json::object& totals) {
  function_view f;
  const auto& states = object_in(in, "states");
  f.waiting = number_in<std::uint64_t>(states, "waiter");
  f.starting = number_in<std::uint64_t>(states, "starter");
  f.idle = number_in<std::uint64_t>(in, "idle");
  f.busy = number_in<std::uint64_t>(in, "busy");
  f.calls = number_in<std::uint64_t>(totals, "acquired");
  f.errors = number_in<std::uint64_t>(in, "errors");
  return f;
}

std::string trouble_in(const json::object& in) {
  if (text_in(in, "condition") != "calls_fail")
    return text_in(object_in(in, "failure"), "message");
  const auto row = number_in<std::uint64_t>(object_in(in, "failed_calls"), "in_a_row");
  return "the last " + std::to_string(row) + " calls failed";
}

function_view read_function(const json::object& in) {
  function_view f = read_figures(in, object_in(in, "totals"));
  f.name = text_in(in, "app") + "/" + text_in(in, "name");
  f.id = text_in(in, "id");
  f.key = text_in(in, "key");
  f.condition = text_in(in, "condition");
  std::replace(f.condition.begin(), f.condition.end(), '_', ' ');
  if (const auto trigger = text_in(in, "trigger"); !trigger.empty())
    f.trigger = "/t/" + text_in(in, "app") + trigger;
  if (const auto& waits = object_in(in, "wait_ms"); !waits.empty())
    f.wait_ms = function_view::percentiles{.p50 = number_in<double>(waits, "p50"),
                                           .p90 = number_in<double>(waits, "p90"),
                                           .p99 = number_in<double>(waits, "p99")};
  f.trouble = trouble_in(in);
  return f;
}

} // namespace

json::object parse_object(std::string_view text) {
  boost::system::error_code ec;
  auto document = json::parse(text, ec);
  if (ec || !document.is_object())
    refuse();
  return std::move(document.get_object());
}

pool_view parse_pool(std::string_view text) {
  const auto document = parse_object(text);
  const auto* queues = document.if_contains("queues");
  if (!queues || !queues->is_array())
    refuse();
  const auto& totals = object_in(document, "totals");
  pool_view view{.totals = read_figures(totals, totals),
                 .queues = number_in<std::size_t>(totals, "queues"),
                 .functions = {}};
  if (document.if_contains("matching"))
    view.matching = number_in<std::size_t>(document, "matching");
  for (const auto& queue : queues->get_array())
    if (queue.is_object())
      view.functions.push_back(read_function(queue.get_object()));
  return view;
}

void call_rates::add(const pool_view& view, clock::time_point at) {
  const double seconds = std::chrono::duration<double>(at - at_).count();
  std::map<std::string, seen> now;
  const auto note = [&](const function_view& f) {
    const auto before = seen_.find(f.name);
    seen& s = now[f.name];
    s.calls = f.calls;
    if (before != seen_.end() && before->second.calls <= f.calls && seconds > 0)
      s.rate = static_cast<double>(f.calls - before->second.calls) / seconds;
  };
  note(view.totals);
  for (const auto& f : view.functions)
    note(f);
  seen_ = std::move(now);
  at_ = at;
}

std::optional<double> call_rates::of(const std::string& name) const {
  const auto it = seen_.find(name);
  return it == seen_.end() ? std::nullopt : it->second.rate;
}

} // namespace hotslot::ctl
