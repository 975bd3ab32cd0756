#include "pool_view.hpp"

#include "failure.hpp"
#include "json_view.hpp"

#include <boost/json/parse.hpp>

#include <algorithm>
#include <tuple>
#include <utility>

namespace hotslot::ctl {

namespace json = boost::json;

namespace {

[[noreturn]] void refuse() { throw failure(exit_code::unreachable, "the answer is not one of hotslotd"); }

std::uint64_t failures(const json::object& totals) {
  std::uint64_t sum = 0;
  for (const char* name : {"timed_out", "shed", "shed_overloaded", "shed_late", "failed", "launch_failed"})
    sum += number_in<std::uint64_t>(totals, name);
  return sum;
}

// `totals` has the counters beside what is in `in`.
function_view read_figures(const json::object& in, const json::object& totals) {
  function_view f;
  const auto& states = object_in(in, "states");
  f.waiting = number_in<std::uint64_t>(states, "waiter");
  f.starting = number_in<std::uint64_t>(states, "starter");
  f.idle = number_in<std::uint64_t>(in, "idle");
  f.busy = number_in<std::uint64_t>(in, "busy");
  f.calls = number_in<std::uint64_t>(totals, "acquired");
  f.failed = failures(totals);
  return f;
}

function_view read_function(const json::object& in) {
  function_view f = read_figures(in, object_in(in, "totals"));
  f.name = text_in(in, "app") + "/" + text_in(in, "name");
  f.id = text_in(in, "id");
  f.key = text_in(in, "key");
  if (const auto trigger = text_in(in, "trigger"); !trigger.empty())
    f.trigger = "/t/" + text_in(in, "app") + trigger;
  if (const auto& waits = object_in(in, "wait_ms"); !waits.empty())
    f.wait_ms = function_view::percentiles{.p50 = number_in<double>(waits, "p50"),
                                           .p90 = number_in<double>(waits, "p90"),
                                           .p99 = number_in<double>(waits, "p99")};
  if (const auto& failed = object_in(in, "failure"); !failed.empty()) {
    f.trouble = text_in(failed, "message");
    const auto* open = failed.if_contains("breaker_open");
    f.breaker_open = open && open->is_bool() && open->get_bool();
  }
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
  pool_view view{.totals = read_figures(totals, totals), .functions = {}};
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

void sort_by_need(std::vector<function_view>& functions) {
  const auto need = [](const function_view& f) {
    return std::tuple(f.breaker_open, !f.trouble.empty(), f.waiting, f.busy, f.calls);
  };
  std::stable_sort(functions.begin(), functions.end(),
                   [&](const auto& a, const auto& b) { return need(a) > need(b); });
}

} // namespace hotslot::ctl
