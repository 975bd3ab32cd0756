#include "launch_config.hpp"

#include <hotslot/policies/policies.hpp>

#include <optional>

namespace hotslot::daemon {
namespace {

void assign_ms(std::chrono::nanoseconds& to, const std::optional<std::uint64_t>& n) {
  if (n)
    to = std::chrono::milliseconds(*n);
}

void read_starts(json_object& in, start_options& to) {
  in.within("starts", [&](json_object& starts) {
    assign(to.first_starts, starts.integer("first", {0, 1024}));
    assign(to.starts_per_second, starts.integer("per_second", {0, 10'000}));
    assign(to.start_burst, starts.integer("burst", {1, 1024}));
    assign(to.breaker_failures, starts.integer("breaker_failures", {0, 1'000'000}));
    assign_ms(to.backoff.first, starts.integer("backoff_ms", {1, 3'600'000}));
    assign_ms(to.backoff.most, starts.integer("max_backoff_ms", {1, 3'600'000}));
    if (to.backoff.first > to.backoff.most)
      starts.refuse("max_backoff_ms", "must not be less than backoff_ms");
  });
}

void read_overload(json_object& in, overload_options& to) {
  in.within("overload", [&](json_object& overload) {
    assign(to.max_waiting, overload.integer("max_waiting", {0, 1'000'000'000}));
    to.shed = overload.boolean("shed").value_or(to.shed);
    assign_ms(to.shedding.target, overload.integer("target_ms", {1, 60'000}));
    assign_ms(to.shedding.interval, overload.integer("interval_ms", {1, 3'600'000}));
    to.adaptive_lifo = overload.boolean("adaptive_lifo").value_or(to.adaptive_lifo);
    to.fail_fast = overload.boolean("fail_fast").value_or(to.fail_fast);
    if (to.shedding.target > to.shedding.interval)
      overload.refuse("target_ms", "must not be more than interval_ms");
  });
}

} // namespace

launch_config read_launch(json_object& in) {
  constexpr std::string_view scopes[] = {"one", "all", "breaker", "deadline"};
  launch_config c;
  if (const auto policy = in.choice("policy", policy_names()))
    c.policy = policy_names()[*policy];
  if (const auto scope = in.choice("failures_end", scopes))
    c.failures_end = static_cast<failure_scope>(*scope);
  assign(c.min_idle, in.integer("min_idle", {0, 1024}));
  assign(c.max_workers, in.integer("max_workers", {1, 1024}));
  assign(c.idle_timeout, in.integer("idle_timeout_s", {0, 3600}));
  assign(c.max_lifetime, in.integer("max_lifetime_s", {0, 31'536'000}));
  assign(c.max_calls, in.integer("max_calls", {0, 1'000'000}));
  assign(c.pause_after, in.integer("pause_after_ms", {0, 3'600'000}));
  assign(c.weight, in.integer("weight", {1, 1000}));
  assign(c.reserved_memory_mb, in.integer("reserved_memory_mb", {0, 1u << 24}));
  if (c.min_idle > c.max_workers)
    in.refuse("min_idle", "must not be more than max_workers");
  read_starts(in, c.starts);
  read_overload(in, c.overload);
  return c;
}

launcher_options launcher_options_of(const launch_config& c, const resources& per_worker) {
  launcher_options options;
  options.policy = make_policy(c.policy);
  options.policy_name = c.policy;
  options.max_workers = c.max_workers;
  options.min_idle = c.min_idle;
  options.idle_timeout = c.idle_timeout;
  if (c.max_lifetime.count() != 0)
    options.max_lifetime = c.max_lifetime;
  options.max_calls = c.max_calls;
  if (c.pause_after.count() != 0)
    options.pause_after = c.pause_after;
  options.starts = c.starts;
  options.failures_end = c.failures_end;
  options.per_worker = per_worker;
  options.account = {.weight = static_cast<double>(c.weight), .minimum = {.memory_mb = c.reserved_memory_mb}};
  return options;
}

} // namespace hotslot::daemon
