// PHP-FPM's `pm = dynamic` as a scaling policy.
#ifndef HOTSLOT_POLICIES_PHP_FPM_DYNAMIC_HPP
#define HOTSLOT_POLICIES_PHP_FPM_DYNAMIC_HPP

#include <hotslot/policies/policy_memory.hpp>
#include <hotslot/policies/scaling.hpp>

#include <chrono>
#include <cstdint>

namespace hotslot {

/// Defaults are those of PHP-FPM's sample configuration. Precondition: tick > 0, min_spare <= max_spare,
/// max_rate > 0.
struct php_fpm_dynamic_options {
  std::chrono::nanoseconds tick = std::chrono::seconds(1);
  std::uint64_t min_spare = 1; ///< Idle workers.
  std::uint64_t max_spare = 3; ///< Idle workers.
  std::uint64_t max_rate = 32; ///< Starts a tick.
};

/// Keeps between `min_spare` and `max_spare` workers idle, and starts them the faster the longer they are
/// lacking.
///
/// At each tick, spare = idle + starting + waiting for resources:
///
///     idle > max_spare:   eject 1, rate = 1
///     spare < min_spare:  start min(rate, min_spare - spare, room), rate doubles up to max_rate;
///                         without room none, rate = 1
///     else:               rate = 1
///
/// Waiting calls are not counted, as PHP-FPM does not count its socket's backlog. Workers on their way are
/// taken for idle ones, since starting one takes longer than PHP-FPM's forks. Between ticks it starts one
/// worker where calls wait and none is there or on its way.
///
/// Thread safety: distinct objects are safe. Cost: constant.
///
/// Source: php/php-src, sapi/fpm/fpm/fpm_process_ctl.c, `fpm_pctl_perform_idle_server_maintenance`.
class php_fpm_dynamic {
 public:
  explicit php_fpm_dynamic(php_fpm_dynamic_options options = {}) noexcept;

  scaling_decision operator()(const scaling_input& in) noexcept;

 private:
  scaling_decision tick(const scaling_input& in) noexcept;
  scaling_decision spawn(const scaling_input& in, std::uint64_t spare) noexcept;

  php_fpm_dynamic_options options_;
  detail::ticker ticker_;
  std::uint64_t rate_ = 1;
  bool rests_ = false;
};

} // namespace hotslot

#endif
