#include <hotslot/policies/php_fpm_dynamic.hpp>

#include "policy_arithmetic.hpp"

#include <utility>

namespace hotslot {

using detail::say;

php_fpm_dynamic::php_fpm_dynamic(php_fpm_dynamic_options options) noexcept
  : options_(options)
  , ticker_(options.tick) {
  assert(options.min_spare <= options.max_spare && options.max_rate > 0);
}

scaling_decision php_fpm_dynamic::spawn(const scaling_input& in, std::uint64_t spare) noexcept {
  if (detail::room(in) == 0) {
    rate_ = 1;
    return {.reason = say("{} workers spare, at least {} wanted, no room for more than {} workers", spare,
                          options_.min_spare, in.max_workers)};
  }
  const std::uint64_t n = std::min({rate_, options_.min_spare - spare, detail::room(in)});
  const auto why =
      say("{} workers spare, at least {} wanted, {} a tick by now", spare, options_.min_spare, rate_);
  rate_ = std::min(rate_ * 2, options_.max_rate);
  return {.start = n, .reason = why};
}

scaling_decision php_fpm_dynamic::tick(const scaling_input& in) noexcept {
  const std::uint64_t spare = in.queue.idle + detail::under_way(in);
  if (in.queue.idle <= options_.max_spare && spare < options_.min_spare)
    return spawn(in, spare);
  rate_ = 1;
  if (in.queue.idle > options_.max_spare)
    return {.eject = std::min<std::uint64_t>(detail::ejectable(in), 1),
            .reason = say("{} workers idle, at most {} wanted", in.queue.idle, options_.max_spare)};
  return {.reason = say("{} workers spare, {} to {} wanted", spare, options_.min_spare, options_.max_spare)};
}

scaling_decision php_fpm_dynamic::operator()(const scaling_input& in) noexcept {
  if (std::exchange(rests_, false))
    ticker_.skip(in.now);
  scaling_decision d = ticker_.due(in.now) != 0 ? detail::at_tick(in, tick(in)) : detail::between_ticks(in);
  const auto idle = in.queue.idle;
  rests_ = detail::is_at_rest(in, d) && idle >= options_.min_spare && idle <= options_.max_spare;
  if (rests_)
    d.again_below = options_.min_spare;
  else
    d.again = ticker_.next();
  return d;
}

} // namespace hotslot
