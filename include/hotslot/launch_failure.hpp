// Why a worker could not be started.
#ifndef HOTSLOT_LAUNCH_FAILURE_HPP
#define HOTSLOT_LAUNCH_FAILURE_HPP

#include <hotslot/errc.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace hotslot {

/// A start that has failed.
struct launch_failure {
  error_code code = {};
  std::string message = {};
  std::uint32_t in_a_row = 0;       ///< Failures since a start last succeeded.
  std::chrono::nanoseconds retry{}; ///< How long no start is tried.
  std::chrono::nanoseconds at{};    ///< In the time of the queue's clock.
  bool opened_breaker = false;      ///< While no start is tried, calls that find no worker are refused.
};

} // namespace hotslot

#endif
