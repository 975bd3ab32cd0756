// The figures of a queue, and of its detached calls, by the names that JSON and the metrics have for them.
#pragma once

#include <hotslot/stats/snapshot.hpp>

#include <cstdint>
#include <string_view>

namespace hotslot::http {

/// What a queue has at the moment.
struct gauge {
  std::string_view name; ///< As an order of /stats.
  std::string_view metric;
  std::string_view help;
  std::uint64_t (*of)(const queue_snapshot&);
};

inline constexpr gauge gauges[] = {
    {"waiting", "hotslot_queue_waiters", "Calls that wait for a slot.",
     [](const auto& q) { return q.count(queue_state::waiter); }},
    {"starting", "hotslot_queue_starters", "Workers that are being started.",
     [](const auto& q) { return q.count(queue_state::starter); }},
    {"running", "hotslot_queue_runners", "Workers that run a call.",
     [](const auto& q) { return q.count(queue_state::runner); }},
    {"idle", "hotslot_queue_idle_workers", "Workers whose slot is free.",
     [](const auto& q) { return q.idle; }},
    {"busy", "hotslot_queue_busy_workers", "Workers whose slot is granted or leased.",
     [](const auto& q) { return q.busy; }},
    {"validating", "hotslot_queue_validating_workers",
     "Workers that are validated before somebody gets them.", [](const auto& q) { return q.validating; }},
    {"resetting", "hotslot_queue_resetting_workers", "Workers that are reset after a call.",
     [](const auto& q) { return q.resetting; }},
    {"pinged", "hotslot_queue_pinged_workers", "Idle workers that are just kept alive.",
     [](const auto& q) { return q.pinged; }},
    {"resource_waiters", "hotslot_queue_resource_waiters", "Starts that wait for memory or processor time.",
     [](const auto& q) { return q.resource_waiters; }},
};

struct counted_state {
  std::string_view name;
  queue_state state;
  std::string_view label;
};

inline constexpr counted_state counted_states[] = {
    {"waiter", queue_state::waiter, ",state=\"waiter\""},
    {"starter", queue_state::starter, ",state=\"starter\""},
    {"runner", queue_state::runner, ",state=\"runner\""},
};

struct counter {
  std::string_view name;
  std::uint64_t queue_totals::*value;
  std::string_view label = {}; ///< Of several that one metric has.
};

inline constexpr counter counters[] = {
    {"acquired", &queue_totals::acquired},
    {"timed_out", &queue_totals::timed_out, ",reason=\"timed_out\""},
    {"cancelled", &queue_totals::cancelled, ",reason=\"cancelled\""},
    {"shed", &queue_totals::shed, ",reason=\"shed\""},
    {"shed_overloaded", &queue_totals::shed_overloaded, ",reason=\"shed_overloaded\""},
    {"shed_late", &queue_totals::shed_late, ",reason=\"shed_late\""},
    {"failed", &queue_totals::failed, ",reason=\"failed\""},
    {"launched", &queue_totals::launched},
    {"launch_failed", &queue_totals::launch_failed},
    {"ejected_idle", &queue_totals::ejected_idle, ",reason=\"idle\""},
    {"ejected_gone", &queue_totals::ejected_gone, ",reason=\"gone\""},
    {"ejected_dirty", &queue_totals::ejected_dirty, ",reason=\"dirty\""},
    {"ejected_requested", &queue_totals::ejected_requested, ",reason=\"requested\""},
    {"ejected_closed", &queue_totals::ejected_closed, ",reason=\"closed\""},
    {"ejected_aged", &queue_totals::ejected_aged, ",reason=\"aged\""},
    {"ejected_worn", &queue_totals::ejected_worn, ",reason=\"worn\""},
    {"ejected_recycled", &queue_totals::ejected_recycled, ",reason=\"recycled\""},
    {"ejected_surplus", &queue_totals::ejected_surplus, ",reason=\"surplus\""},
    {"ejected_evicted", &queue_totals::ejected_evicted, ",reason=\"evicted\""},
    {"ejected_unfit", &queue_totals::ejected_unfit, ",reason=\"unfit\""},
    {"detached_slots", &queue_totals::detached_slots},
    {"leaked", &queue_totals::leaked},
};

struct detached_counter {
  std::string_view name;
  std::uint64_t detached_counts::*value;
  std::string_view label;
};

inline constexpr detached_counter detached_counters[] = {
    {"waiting", &detached_counts::waiting, ",state=\"waiting\""},
    {"running", &detached_counts::running, ",state=\"running\""},
    {"accepted", &detached_counts::accepted, ",outcome=\"accepted\""},
    {"refused", &detached_counts::refused, ",outcome=\"refused\""},
    {"succeeded", &detached_counts::succeeded, ",outcome=\"succeeded\""},
    {"failed", &detached_counts::failed, ",outcome=\"failed\""},
    {"lost", &detached_counts::lost, ",outcome=\"lost\""},
};

} // namespace hotslot::http
