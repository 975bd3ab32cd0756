#include <hotslot/policies/uwsgi_busyness.hpp>

#include "policy_arithmetic.hpp"

#include <utility>

namespace hotslot {

using detail::say;

uwsgi_busyness::uwsgi_busyness(uwsgi_busyness_options options) noexcept
  : options_(options)
  , cycle_(options.cycle)
  , multiplier_(options.multiplier) {
  assert(options.check.count() > 0 && options.busy_min_percent <= options.busy_max_percent);
}

void uwsgi_busyness::restart_wait(std::chrono::nanoseconds now) noexcept {
  wait_ends_ = now + options_.cycle * (emergency_workers_ != 0 ? options_.backlog_multiplier : multiplier_);
}

void uwsgi_busyness::lower_multiplier() noexcept {
  if (multiplier_ > options_.multiplier)
    --multiplier_;
}

scaling_decision uwsgi_busyness::busy_cycle(const scaling_input& in, double busyness) noexcept {
  even_cycles_ = 0;
  const std::uint64_t n = std::min(options_.step, detail::room(in));
  if (n == 0)
    return {.reason = say("{} % busy, no room for more than {} workers", busyness, in.max_workers)};
  last_action_ = action::started;
  const auto early = options_.cycle * (multiplier_ + 1); // uWSGI compares whole cycles
  if (last_ejection_ && in.now - *last_ejection_ < early)
    multiplier_ += options_.penalty;
  else
    lower_multiplier();
  restart_wait(in.now);
  return {.start = n,
          .reason = say("{} % busy, more than {}; {} cycles until one may end", busyness,
                        options_.busy_max_percent, multiplier_)};
}

scaling_decision uwsgi_busyness::idle_cycle(const scaling_input& in, double busyness) noexcept {
  even_cycles_ = 0;
  const std::uint64_t there = detail::all_workers(in);
  if (there <= options_.min_workers || detail::ejectable(in) == 0)
    return {.reason = say("{} % busy, less than {}, {} workers are kept", busyness, options_.busy_min_percent,
                          there)};
  if (in.now < *wait_ends_)
    return {.reason = say("{} % busy, less than {}, for {} s more before one ends", busyness,
                          options_.busy_min_percent, detail::in_s(*wait_ends_ - in.now))};
  if (last_action_ == action::ejected)
    lower_multiplier();
  restart_wait(in.now);
  last_ejection_ = in.now;
  last_action_ = action::ejected;
  emergency_workers_ = detail::less(emergency_workers_, 1);
  return {.eject = 1,
          .reason = say("{} % busy, less than {}, for long: one of {} workers ends", busyness,
                        options_.busy_min_percent, there)};
}

scaling_decision uwsgi_busyness::even_cycle(const scaling_input& in, double busyness) noexcept {
  emergency_workers_ = detail::less(emergency_workers_, 1);
  if (++even_cycles_ >= 3)
    restart_wait(in.now);
  else
    *wait_ends_ += options_.cycle;
  return {.reason = say("{} % busy, {} to {} wanted", busyness, options_.busy_min_percent,
                        options_.busy_max_percent)};
}

/// Whether calls have waited for long; the clock is then set anew, as in uWSGI.
bool uwsgi_busyness::has_backlog_stayed(const scaling_input& in) noexcept {
  if (in.waiting() == 0) {
    backlog_since_.reset();
    return false;
  }
  if (!backlog_since_)
    backlog_since_ = in.now;
  if (in.now - *backlog_since_ < options_.backlog_nonzero)
    return false;
  backlog_since_ = in.now;
  return true;
}

std::optional<scaling_decision> uwsgi_busyness::emergency(const scaling_input& in) noexcept {
  const bool stayed = has_backlog_stayed(in);
  if (!stayed && in.waiting() <= options_.backlog_alert)
    return std::nullopt;
  if (last_emergency_ && in.now - *last_emergency_ < options_.check)
    return std::nullopt;
  const std::uint64_t n = std::min(options_.backlog_step, detail::room(in));
  if (n == 0)
    return std::nullopt;
  last_emergency_ = in.now;
  last_action_ = action::started;
  multiplier_ = options_.multiplier;
  emergency_workers_ += n;
  restart_wait(in.now);
  return scaling_decision{.start = n,
                          .reason =
                              say("emergency: {} calls wait, alert is at {} or after {} s", in.waiting(),
                                  options_.backlog_alert, detail::in_s(options_.backlog_nonzero))};
}

scaling_decision uwsgi_busyness::end_cycle(const scaling_input& in, double busyness) noexcept {
  if (busyness > options_.busy_max_percent)
    return busy_cycle(in, busyness);
  if (const auto d = emergency(in))
    return *d;
  if (detail::all_workers(in) <= 1)
    return {.reason = say("{} % busy, {} workers: nothing to end", busyness, detail::all_workers(in))};
  return busyness < options_.busy_min_percent ? idle_cycle(in, busyness) : even_cycle(in, busyness);
}

scaling_decision uwsgi_busyness::operator()(const scaling_input& in) noexcept {
  if (!wait_ends_)
    restart_wait(in.now);
  if (std::exchange(rests_, false))
    meter_.nothing_until(cycle_.skip(in.now));
  scaling_decision d;
  if (cycle_.due(in.now) != 0) {
    const double workers = static_cast<double>(std::max<std::uint64_t>(detail::all_workers(in), 1));
    d = detail::at_tick(in, end_cycle(in, std::min(100 * meter_.look(in).in_service / workers, 100.0)));
  } else {
    d = emergency(in).value_or(detail::between_ticks(in));
  }
  rests_ = detail::is_at_rest(in, d) && detail::all_workers(in) <= 1;
  if (rests_)
    d.again_below = detail::all_workers(in);
  else
    d.again = std::min(cycle_.next(), in.now + options_.check);
  return d;
}

} // namespace hotslot
