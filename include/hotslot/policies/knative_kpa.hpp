// Knative's autoscaler as a scaling policy.
#ifndef HOTSLOT_POLICIES_KNATIVE_KPA_HPP
#define HOTSLOT_POLICIES_KNATIVE_KPA_HPP

#include <hotslot/policies/policy_memory.hpp>
#include <hotslot/policies/scaling.hpp>

#include <chrono>
#include <cstdint>

namespace hotslot {

/// Defaults are Knative's. Precondition: 0 < tick <= panic_window <= stable_window; the rates are more
/// than 1.
struct knative_kpa_options {
  std::chrono::nanoseconds tick = std::chrono::seconds(2);
  std::chrono::nanoseconds stable_window = std::chrono::seconds(60);
  std::chrono::nanoseconds panic_window = std::chrono::seconds(6);
  double target = 0.7;             ///< Calls a worker is to have in flight on average.
  double max_scale_up_rate = 1000; ///< Times as many workers within a tick.
  double max_scale_down_rate = 2;
  double panic_threshold = 2; ///< Times as many workers wanted as there are.
};

/// So many workers that each is busy for `target` of the time, by the average of a minute; in a surge by that
/// of the last seconds, and then never fewer than before.
///
/// At each tick, n = max(1, idle + busy), concurrency = calls in service and waiting:
///
///     stable = ceil(mean concurrency over stable_window / target)
///     panic  = ceil(mean concurrency over panic_window / target)
///     want   = stable, within [floor(n / max_scale_down_rate), ceil(n * max_scale_up_rate)]
///     panicking: from panic / n >= panic_threshold on, until it was less for a stable_window;
///                then want = the most that either, within these bounds, has asked for since the panic began
///     start  = want - workers there, starting and waiting for resources; or else
///     eject  = workers there - want
///
/// Between ticks it starts one worker where calls wait and none is there or on its way, as Knative's
/// activator has one started. Concurrency comes from the queue's counters (`detail::traffic_meter`), not from
/// samples each second. Windows that are not full yet are averaged over what there is.
///
/// Thread safety: distinct objects are safe. Cost: a tick reads the windows, 30 numbers by default.
///
/// Source: knative/serving, pkg/autoscaler/scaling/autoscaler.go, `Scale`.
class knative_kpa {
 public:
  explicit knative_kpa(knative_kpa_options options = {});

  scaling_decision operator()(const scaling_input& in) noexcept;

 private:
  scaling_decision tick(const scaling_input& in) noexcept;
  double wanted(const scaling_input& in, double stable_concurrency, double panic_concurrency) noexcept;

  knative_kpa_options options_;
  detail::ticker ticker_;
  detail::tick_window concurrency_;
  detail::traffic_meter meter_;
  bool panicking_ = false;
  std::chrono::nanoseconds panicked_{}; ///< When last over the threshold.
  double most_in_panic_ = 0;
};

} // namespace hotslot

#endif
