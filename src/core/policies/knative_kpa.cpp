#include <hotslot/policies/knative_kpa.hpp>

#include "policy_arithmetic.hpp"

#include <cmath>

namespace hotslot {

namespace {

std::size_t ticks_of(std::chrono::nanoseconds window, std::chrono::nanoseconds tick) noexcept {
  return static_cast<std::size_t>(std::max<std::int64_t>(window / tick, 1));
}

} // namespace

knative_kpa::knative_kpa(knative_kpa_options options)
  : options_(options)
  , ticker_(options.tick)
  , concurrency_(ticks_of(options.stable_window, options.tick)) {
  assert(options.tick <= options.panic_window && options.panic_window <= options.stable_window);
  assert(options.target > 0 && options.max_scale_up_rate > 1 && options.max_scale_down_rate > 1);
}

double knative_kpa::wanted(const scaling_input& in, double stable_concurrency,
                           double panic_concurrency) noexcept {
  const double there = static_cast<double>(std::max<std::uint64_t>(in.workers(), 1));
  const double least = std::floor(there / options_.max_scale_down_rate);
  const double most = std::ceil(there * options_.max_scale_up_rate);
  const double stable = std::ceil(stable_concurrency / options_.target);
  const double panic = std::ceil(panic_concurrency / options_.target);
  if (panic / there >= options_.panic_threshold) {
    panicking_ = true;
    panicked_ = in.now;
  } else if (panicking_ && panicked_ + options_.stable_window < in.now) {
    panicking_ = false;
    most_in_panic_ = 0;
  }
  const double calm = std::clamp(stable, least, most);
  if (!panicking_)
    return calm;
  most_in_panic_ = std::max({most_in_panic_, calm, std::clamp(panic, least, most)});
  return most_in_panic_;
}

scaling_decision knative_kpa::tick(const scaling_input& in) noexcept {
  const double stable = concurrency_.mean();
  const double panic = concurrency_.mean(ticks_of(options_.panic_window, options_.tick));
  const auto want = static_cast<std::uint64_t>(wanted(in, stable, panic));
  const std::uint64_t all = detail::all_workers(in);
  const auto why =
      detail::say(panicking_ ? "panic: {} workers wanted for {} calls in flight lately, {} on average; "
                               "{} there and on their way"
                             : "{} workers wanted for {} calls in flight lately, {} on average; "
                               "{} there and on their way",
                  want, panic, stable, all);
  if (want > all)
    return detail::start(in, want - all, why);
  return {.eject = std::min(detail::less(in.workers(), want), detail::ejectable(in)), .reason = why};
}

scaling_decision knative_kpa::operator()(const scaling_input& in) noexcept {
  scaling_decision d;
  if (const std::uint64_t ticks = ticker_.due(in.now); ticks != 0) {
    concurrency_.add(meter_.look(in).in_service + static_cast<double>(in.waiting()), ticks);
    d = detail::at_tick(in, tick(in));
  } else {
    d = detail::between_ticks(in);
  }
  if (!detail::is_quiet(in, d))
    d.again = ticker_.next();
  return d;
}

} // namespace hotslot
