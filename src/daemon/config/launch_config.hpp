// How the workers of one function are started, kept and ended, as the configuration says it.
#pragma once

#include "json_reader.hpp"

#include <hotslot/launcher_options.hpp>
#include <hotslot/policies/overload.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace hotslot::daemon {

/// All of it can change while the server runs, without a worker's being replaced.
struct launch_config {
  std::string policy = "demand";
  std::uint64_t min_idle = 0;
  std::size_t max_workers = 8;
  std::chrono::seconds idle_timeout{30};
  std::chrono::seconds max_lifetime{0};     ///< Zero: none.
  std::uint32_t max_calls = 0;              ///< Zero: no bound.
  std::chrono::milliseconds pause_after{0}; ///< Zero: never.
  start_options starts;
  failure_scope failures_end = failure_scope::one;
  std::uint64_t weight = 1;
  std::uint64_t reserved_memory_mb = 0; ///< Set aside for this function.
  overload_options overload;
};

/// Reads the members of a function that are about this. `memory_mb` is what each worker takes.
launch_config read_launch(json_object& in);

/// What the launcher is told, but the policy's memory and the callbacks. Each call makes a new policy.
launcher_options launcher_options_of(const launch_config& c, const resources& per_worker);

} // namespace hotslot::daemon
