// What is asked of a pool: calls, and how its workers start.
#ifndef HOTSLOT_TEST_POLICIES_TRACE_HPP
#define HOTSLOT_TEST_POLICIES_TRACE_HPP

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace policysim {

using time = std::chrono::nanoseconds;

struct call {
  time arrives;
  time runs;
};

struct trace {
  std::string name;
  std::vector<call> calls; ///< By their arrival.
  time start = std::chrono::milliseconds(500);
  time fails_until{}; ///< Starts that end before it fail.
  time ends{};        ///< Workers are paid until then.
};

/// `n` calls at once, 20 ms each.
trace burst(std::size_t n);
/// The same 5 s after 8 calls that leave 4 warm workers, and known latencies.
trace warm_burst(std::size_t n);
/// Short calls, then one of a minute on each of the two workers and, behind them, one more short one.
trace long_calls();
/// 100 calls a second.
trace steady();
/// Between 1 and 100 calls a second, up and down twice in 20 minutes.
trace diurnal();
/// Two calls a second, and 50 more at once every 30 seconds.
trace spiky();
/// 10 calls a second; for 10 seconds no start succeeds.
trace failing_start();

} // namespace policysim

#endif
