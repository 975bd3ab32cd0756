// How a launcher is to look after its queue.
#ifndef HOTSLOT_LAUNCHER_OPTIONS_HPP
#define HOTSLOT_LAUNCHER_OPTIONS_HPP

#include <hotslot/launch_failure.hpp>
#include <hotslot/policies/policies.hpp>
#include <hotslot/policies/start_control.hpp>
#include <hotslot/resources.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>

namespace hotslot {

/// From the kernel, also where there is no /dev, as in a chroot: the std::random_device of some libraries
/// needs that.
std::uint32_t random_bits() noexcept;

/// Whose wait a failed start ends, with its error.
enum class failure_scope : std::uint8_t {
  one,     ///< The longest; all where no other worker is there or on its way.
  all,     ///< All.
  breaker, ///< None until the breaker opens, then all.
  /// None while another worker is there or on its way; otherwise those whose deadline comes before the next
  /// attempt, and all once the breaker has opened. Of the four it is the one by which most callers are served
  /// where starts fail now and then. With `start_options::breaker_failures` 0 starts are tried until the
  /// callers' deadlines: what a pool for a server that comes back wants.
  deadline,
};

/// How many workers there are, for how long, and what becomes of failed starts. The defaults start a worker
/// for each call that waits, without a bound, and end it after half a minute without one.
struct launcher_options {
  scaling_policy policy = demand;
  std::string policy_name = "demand"; ///< For those who look at the stats.
  /// Where it is lowered, idle workers beyond it end at once, others after their call.
  std::uint64_t max_workers = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t min_idle = 0; ///< Started from the beginning, and kept up.

  std::chrono::nanoseconds idle_timeout = std::chrono::seconds(30); ///< Idle slots are closed after it.
  /// Workers are ended after it, when they are idle. Each lives up to `lifetime_jitter_percent` less, so that
  /// those that started together do not end together.
  std::chrono::nanoseconds max_lifetime = std::chrono::nanoseconds::max();
  std::uint32_t lifetime_jitter_percent = 10;
  std::uint32_t max_calls = 0; ///< Workers are ended after so many calls, 1 000 000 at most; 0: no bound.
  /// Idle workers of a `pausable_slot` are paused after it.
  std::chrono::nanoseconds pause_after = std::chrono::nanoseconds::max();

  start_options starts = {};
  std::chrono::nanoseconds start_timeout = std::chrono::nanoseconds::max(); ///< Of the factory.
  failure_scope failures_end = failure_scope::deadline;

  resources per_worker = {}; ///< Reserved before each start, given back when the worker is gone.
  account_options account = {};

  /// Called on the launcher's strand; does not throw.
  std::function<void(const launch_failure&)> on_failure = {};
  std::uint32_t jitter_seed = random_bits();
};

} // namespace hotslot

#endif
