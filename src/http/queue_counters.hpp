// The counters of a queue, and of its detached calls, by the names that JSON has for them.
#ifndef HOTSLOT_SRC_HTTP_QUEUE_COUNTERS_HPP
#define HOTSLOT_SRC_HTTP_QUEUE_COUNTERS_HPP

#include <hotslot/core/snapshot.hpp>

#include <cstdint>
#include <string_view>

namespace hotslot::http {

struct counter {
  std::string_view name;
  std::uint64_t queue_totals::*value;
};

inline constexpr counter counters[] = {
    {"acquired", &queue_totals::acquired},
    {"timed_out", &queue_totals::timed_out},
    {"cancelled", &queue_totals::cancelled},
    {"shed", &queue_totals::shed},
    {"shed_overloaded", &queue_totals::shed_overloaded},
    {"shed_late", &queue_totals::shed_late},
    {"failed", &queue_totals::failed},
    {"launched", &queue_totals::launched},
    {"launch_failed", &queue_totals::launch_failed},
    {"ejected_idle", &queue_totals::ejected_idle},
    {"ejected_gone", &queue_totals::ejected_gone},
    {"ejected_dirty", &queue_totals::ejected_dirty},
    {"ejected_requested", &queue_totals::ejected_requested},
    {"ejected_closed", &queue_totals::ejected_closed},
    {"ejected_aged", &queue_totals::ejected_aged},
    {"ejected_worn", &queue_totals::ejected_worn},
    {"ejected_recycled", &queue_totals::ejected_recycled},
    {"ejected_surplus", &queue_totals::ejected_surplus},
    {"ejected_evicted", &queue_totals::ejected_evicted},
};

struct detached_counter {
  std::string_view name;
  std::uint64_t detached_counts::*value;
};

inline constexpr detached_counter detached_counters[] = {
    {"waiting", &detached_counts::waiting},     {"running", &detached_counts::running},
    {"accepted", &detached_counts::accepted},   {"refused", &detached_counts::refused},
    {"succeeded", &detached_counts::succeeded}, {"failed", &detached_counts::failed},
    {"lost", &detached_counts::lost},
};

} // namespace hotslot::http

#endif
