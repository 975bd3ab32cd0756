// What the policies have in common: how much they may start and end, and how they say why.
#pragma once

#include <hotslot/policies/scaling.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string_view>
#include <tuple>

namespace hotslot::detail {

template <class... Numbers>
decision_reason say(std::string_view text, Numbers... numbers) noexcept {
  static_assert(sizeof...(Numbers) <= std::tuple_size_v<decltype(decision_reason::numbers)>);
  return {.text = text, .numbers = {static_cast<double>(numbers)...}};
}

inline double in_ms(std::chrono::nanoseconds t) noexcept {
  return std::chrono::duration<double, std::milli>(t).count();
}

inline double in_s(std::chrono::nanoseconds t) noexcept { return std::chrono::duration<double>(t).count(); }

inline std::uint64_t less(std::uint64_t a, std::uint64_t b) noexcept { return a > b ? a - b : 0; }

inline std::uint64_t under_way(const scaling_input& in) noexcept { return in.starting() + in.reserving(); }

/// Workers there and on their way.
inline std::uint64_t all_workers(const scaling_input& in) noexcept { return in.workers() + under_way(in); }

/// How many may be started.
inline std::uint64_t room(const scaling_input& in) noexcept { return less(in.max_workers, all_workers(in)); }

/// How many may be ended: idle ones that neither the minimum nor a waiting call is in need of.
inline std::uint64_t ejectable(const scaling_input& in) noexcept {
  return less(in.queue.idle, std::max(in.min_idle, in.waiting()));
}

/// Whether calls wait and nothing is there or on its way that could ever serve them.
inline bool is_stranded(const scaling_input& in) noexcept {
  return in.waiting() != 0 && all_workers(in) == 0;
}

/// Starts `n`, or as many as there is room for.
inline scaling_decision start(const scaling_input& in, std::uint64_t n, decision_reason why) noexcept {
  const std::uint64_t most = room(in);
  if (n <= most)
    return {.start = n, .reason = why};
  return {.start = most,
          .reason =
              say("{} more workers are wanted, there is room for {} of at most {}", n, most, in.max_workers)};
}

/// What a policy with ticks does between them.
inline scaling_decision between_ticks(const scaling_input& in) noexcept {
  if (is_stranded(in))
    return start(in, 1, say("{} wait and there is no worker: the first one at once", in.waiting()));
  return {.reason = say("the next look is due later")};
}

/// What a policy with ticks decides where its rule has decided `d`.
inline scaling_decision at_tick(const scaling_input& in, const scaling_decision& d) noexcept {
  return d.start == 0 && is_stranded(in) ? between_ticks(in) : d;
}

/// Whether nothing is there that a policy with ticks would have to look at again.
inline bool is_quiet(const scaling_input& in, const scaling_decision& d) noexcept {
  return in.waiting() == 0 && all_workers(in) == 0 && d.start == 0;
}

/// Whether nothing happens, nor is to.
inline bool is_at_rest(const scaling_input& in, const scaling_decision& d) noexcept {
  return in.waiting() == 0 && in.queue.busy == 0 && under_way(in) == 0 && d.start == 0 && d.eject == 0;
}

} // namespace hotslot::detail
