// How a launcher is to look after its queue.
#ifndef HOTSLOT_LAUNCHER_OPTIONS_HPP
#define HOTSLOT_LAUNCHER_OPTIONS_HPP

#include <hotslot/policies/policies.hpp>
#include <hotslot/policies/start_control.hpp>
#include <hotslot/resource_tracker.hpp>
#include <hotslot/slot.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <string>

namespace hotslot {

/// Why a worker could not be started.
struct launch_failure {
  boost::system::error_code code = {};
  std::string message = {};
  std::uint32_t in_a_row = 0;       ///< Failures since a start last succeeded.
  std::chrono::nanoseconds retry{}; ///< How long no start is tried.
  std::chrono::nanoseconds at{};    ///< In the time of the queue's clock.
  bool opened_breaker = false;      ///< While no start is tried, calls that find no worker are refused.
};

/// Whose wait a failed start ends, with its error.
enum class failure_scope : std::uint8_t {
  one,     ///< The longest; all where no other worker is there or on its way.
  all,     ///< All.
  breaker, ///< None until the breaker opens, then all.
};

struct launcher_options {
  scaling_policy policy = demand;
  std::string policy_name = "demand"; ///< For those who look at the stats.
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
  failure_scope failures_end = failure_scope::one;

  resources per_worker = {}; ///< Reserved before each start, given back when the worker is gone.
  account_options account = {};

  /// Called on the launcher's strand; does not throw.
  std::function<void(const launch_failure&)> on_failure = {};
  std::uint32_t jitter_seed = std::random_device()();
};

/// A slot that knows when its worker has ended. `wait_gone()` is called once, before the slot is queued; it
/// completes when the worker has ended, for whatever reason, and nothing is left of it. It does not depend on
/// the slot's life, and where it throws the worker is taken to have ended.
template <class Slot, class Executor>
concept watched_slot = slot<Slot> && requires(Slot& s) {
  { s.wait_gone() } -> std::same_as<asio::awaitable<void, Executor>>;
};

} // namespace hotslot

#endif
