#include <hotslot/policies/little.hpp>

#include "policy_arithmetic.hpp"

#include <cmath>

namespace hotslot {

namespace {

std::size_t ticks_in_window(const little_options& options) noexcept {
  return static_cast<std::size_t>(std::max<std::int64_t>(options.rate_window / options.tick, 1));
}

} // namespace

little::little(little_options options)
  : options_(options)
  , ticker_(options.tick)
  , arrivals_(ticks_in_window(options))
  , in_service_(ticks_in_window(options)) {
  assert(options.safety >= 0 && options.slack >= 0);
}

double little::offered_load(const scaling_input& in, std::uint64_t ticks) noexcept {
  const auto since = meter_.look(in);
  in_service_.add(since.in_service, ticks);
  if (since.seconds > 0) {
    arrivals_.add(since.arrivals / since.seconds, ticks);
    has_rate_ = true;
  }
  const auto run = in.queue.latency(queue_state::runner);
  if (!has_rate_ || run.count() <= 0)
    return static_cast<double>(in.queue.busy + in.waiting());
  return std::max(arrivals_.mean() * detail::in_s(run), in_service_.mean());
}

bool little::is_surplus_old(const scaling_input& in, double want) noexcept {
  if (static_cast<double>(in.workers()) <= want * (1 + options_.slack)) {
    surplus_since_.reset();
    return false;
  }
  if (!surplus_since_)
    surplus_since_ = in.now;
  return in.now - *surplus_since_ >= options_.down_window;
}

scaling_decision little::tick(const scaling_input& in, double load) noexcept {
  const double exact = std::ceil(load + options_.safety * std::sqrt(load));
  const auto want = static_cast<std::uint64_t>(std::min(exact, 1e15));
  const std::uint64_t all = detail::all_workers(in);
  const auto why = detail::say("{} workers wanted for a load of {} calls at once; {} there and on their way",
                               want, load, all);
  const bool surplus = is_surplus_old(in, exact);
  if (want > all)
    return detail::start(in, want - all, why);
  if (!surplus)
    return {.reason = why};
  return {.eject = std::min(in.workers() - want, detail::ejectable(in)), .reason = why};
}

scaling_decision little::operator()(const scaling_input& in) noexcept {
  scaling_decision d;
  if (const std::uint64_t ticks = ticker_.due(in.now); ticks != 0)
    d = detail::at_tick(in, tick(in, offered_load(in, ticks)));
  else
    d = detail::between_ticks(in);
  if (!detail::is_quiet(in, d))
    d.again = ticker_.next();
  return d;
}

} // namespace hotslot
