#include "trace.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <random>

namespace policysim {

namespace {

using namespace std::chrono_literals;

/// Integers only, so that a trace is the same everywhere.
class dice {
 public:
  /// Between 0 and twice the mean.
  time around(time mean) { return 2 * mean * static_cast<std::int64_t>(random_() % 1024) / 1023; }

 private:
  std::mt19937 random_; // of the standard's seed
};

/// Calls of 100 ms on average, `gap(now)` apart on average.
template <class Gap>
std::vector<call> calls_until(time end, Gap gap) {
  dice d;
  std::vector<call> calls;
  for (time now = d.around(gap(0s)); now < end; now += d.around(gap(now)))
    calls.push_back({now, d.around(100ms)});
  return calls;
}

} // namespace

trace burst(std::size_t n) {
  return {.name = "burst of " + std::to_string(n), .calls = std::vector<call>(n, {0s, 20ms}), .ends = 60s};
}

trace warm_burst(std::size_t n) {
  std::vector<call> calls(4, {0s, 20ms});
  calls.insert(calls.end(), 4, {4s, 20ms});
  calls.insert(calls.end(), n, {5s, 20ms});
  return {.name = "burst of " + std::to_string(n) + ", 4 warm", .calls = std::move(calls), .ends = 60s};
}

trace long_calls() {
  return {.name = "long calls",
          .calls = {{0s, 20ms}, {0s, 20ms}, {1s, 20ms}, {3s, 60s}, {3s, 60s}, {4s, 20ms}},
          .ends = 120s};
}

trace steady() {
  return {.name = "steady", .calls = calls_until(5min, [](time) { return 10ms; }), .ends = 6min};
}

trace diurnal() {
  const auto gap = [](time now) {
    const auto within = now / 1s % 600;
    const auto rate = 1 + 99 * (300 - std::abs(within - 300)) / 300; // a triangle
    return time(1s) / rate;
  };
  return {.name = "diurnal", .calls = calls_until(20min, gap), .ends = 21min};
}

trace spiky() {
  auto calls = calls_until(5min, [](time) { return 500ms; });
  for (time at = 30s; at < 5min; at += 30s)
    calls.insert(calls.end(), 50, {at, 100ms});
  std::ranges::stable_sort(calls, {}, &call::arrives);
  return {.name = "spiky", .calls = std::move(calls), .ends = 6min};
}

trace failing_start() {
  return {.name = "failing start",
          .calls = calls_until(1min, [](time) { return 100ms; }),
          .fails_until = 10s,
          .ends = 2min};
}

} // namespace policysim
