// uWSGI's `cheaper-algo = busyness` as a scaling policy.
#ifndef HOTSLOT_POLICIES_UWSGI_BUSYNESS_HPP
#define HOTSLOT_POLICIES_UWSGI_BUSYNESS_HPP

#include <hotslot/policies/policy_memory.hpp>
#include <hotslot/policies/scaling.hpp>

#include <chrono>
#include <cstdint>
#include <optional>

namespace hotslot {

/// Defaults are uWSGI's. Precondition: cycle > 0, check > 0, busy_min_percent <= busy_max_percent.
struct uwsgi_busyness_options {
  std::chrono::nanoseconds cycle = std::chrono::seconds(3); ///< cheaper-overload
  double busy_max_percent = 50;                             ///< Above it workers are started.
  double busy_min_percent = 25;                             ///< Below it workers are ended.
  std::uint64_t step = 1;                                   ///< Started in a cycle.
  std::uint64_t multiplier = 10;                            ///< Cycles of low load before one is ended.
  std::uint64_t penalty = 2; ///< Added to the multiplier where one was ended too early.
  std::uint64_t min_workers = 1;

  std::chrono::nanoseconds check = std::chrono::seconds(1); ///< Between two looks at the waiting calls.
  std::uint64_t backlog_alert = 33;                         ///< Waiting calls.
  std::chrono::nanoseconds backlog_nonzero = std::chrono::seconds(60);
  std::uint64_t backlog_step = 1;       ///< Emergency workers started at once.
  std::uint64_t backlog_multiplier = 3; ///< In place of the multiplier while there are emergency workers.
};

/// Keeps workers busy for between a quarter and a half of the time.
///
/// At the end of each cycle, busyness = 100 * mean number of busy workers / workers there and on their way:
///
///     busyness > max:  start `step`; if the last ejection is at most `multiplier` cycles ago, that was too
///                      early: multiplier += penalty, else it goes down by 1 to its first value;
///                      restart the wait
///     busyness < min:  where more than one worker and `min_workers` are there and the wait is over: eject 1,
///                      restart the wait; after an ejection in a row the multiplier goes down by 1
///     else:            the wait is a cycle longer; from the third time in a row on it is restarted
///
/// The wait is `multiplier` cycles, or `backlog_multiplier` while there are emergency workers. Those are
/// started, `backlog_step` at once, where more than `backlog_alert` calls wait, or some have waited for
/// `backlog_nonzero`, but not more often than each `check`; the multiplier goes back to its first value.
///
/// Between looks it starts one worker where calls wait and none is there or on its way. The mean number of
/// busy workers comes from the queue's counters (`detail::traffic_meter`).
///
/// Thread safety: distinct objects are safe. Cost: constant.
///
/// Source: unbit/uwsgi, plugins/cheaper_busyness/cheaper_busyness.c.
class uwsgi_busyness {
 public:
  explicit uwsgi_busyness(uwsgi_busyness_options options = {}) noexcept;

  scaling_decision operator()(const scaling_input& in) noexcept;

 private:
  enum class action : std::uint8_t { none, started, ejected };

  scaling_decision end_cycle(const scaling_input& in, double busyness) noexcept;
  scaling_decision busy_cycle(const scaling_input& in, double busyness) noexcept;
  scaling_decision idle_cycle(const scaling_input& in, double busyness) noexcept;
  scaling_decision even_cycle(const scaling_input& in, double busyness) noexcept;
  std::optional<scaling_decision> emergency(const scaling_input& in) noexcept;
  bool has_backlog_stayed(const scaling_input& in) noexcept;
  void restart_wait(std::chrono::nanoseconds now) noexcept;
  void lower_multiplier() noexcept;

  uwsgi_busyness_options options_;
  detail::ticker cycle_;
  detail::traffic_meter meter_;
  bool rests_ = false;
  std::uint64_t multiplier_;
  std::uint64_t emergency_workers_ = 0;
  std::uint64_t even_cycles_ = 0;
  action last_action_ = action::none;
  std::optional<std::chrono::nanoseconds> wait_ends_;
  std::optional<std::chrono::nanoseconds> last_ejection_;
  std::optional<std::chrono::nanoseconds> last_emergency_;
  std::optional<std::chrono::nanoseconds> backlog_since_;
};

} // namespace hotslot

#endif
