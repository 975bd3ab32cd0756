// Inputs for tests of scaling policies.
#ifndef HOTSLOT_TEST_CORE_POLICIES_SCALING_INPUTS_HPP
#define HOTSLOT_TEST_CORE_POLICIES_SCALING_INPUTS_HPP

#include <hotslot/policies/scaling.hpp>

#include <chrono>
#include <cstdint>
#include <limits>
#include <random>

struct counts {
  std::uint64_t waiting = 0;
  std::uint64_t idle = 0;
  std::uint64_t starting = 0;
  std::uint64_t reserving = 0;
  std::uint64_t busy = 0;
  std::chrono::nanoseconds now{};
  std::chrono::nanoseconds run{};
  std::chrono::nanoseconds start{};
  std::chrono::nanoseconds wait{};
  std::uint64_t acquired = 0;
  std::uint64_t max_workers = std::numeric_limits<std::uint64_t>::max();
  std::chrono::nanoseconds next_deadline = std::chrono::nanoseconds::max();
};

inline hotslot::scaling_input input(const counts& c) {
  using hotslot::queue_state;
  hotslot::scaling_input in{
      .now = c.now, .queue = {}, .next_deadline = c.next_deadline, .max_workers = c.max_workers};
  const auto set = [&](queue_state s, std::uint64_t n, std::chrono::nanoseconds latency) {
    in.queue.states[static_cast<std::size_t>(s)] = n;
    in.queue.latencies[static_cast<std::size_t>(s)] = latency;
  };
  set(queue_state::waiter, c.waiting, c.wait);
  set(queue_state::starter, c.starting, c.start);
  set(queue_state::runner, c.busy, c.run);
  in.queue.idle = c.idle;
  in.queue.busy = c.busy;
  in.queue.resource_waiters = c.reserving;
  in.queue.totals.acquired = c.acquired;
  return in;
}

/// Calls so long that those in service are the same at every look.
inline hotslot::scaling_input at(std::chrono::nanoseconds now, std::uint64_t idle, std::uint64_t busy,
                                 std::uint64_t waiting = 0) {
  return input({.waiting = waiting, .idle = idle, .busy = busy, .now = now, .run = std::chrono::hours(1)});
}

/// Anything that a queue may look like, at times that only go forward.
class random_inputs {
 public:
  explicit random_inputs(std::uint32_t seed)
    : random_(seed) {}

  hotslot::scaling_input next() {
    now_ += std::chrono::milliseconds(up_to(4) == 0 ? up_to(90'000) : up_to(2'500));
    acquired_ += up_to(300);
    auto in = input({.waiting = small(),
                     .idle = small(),
                     .starting = small(),
                     .reserving = small(),
                     .busy = small(),
                     .now = now_,
                     .run = latency(),
                     .start = latency(),
                     .wait = latency(),
                     .acquired = acquired_,
                     .max_workers = up_to(1) ? up_to(60) : std::numeric_limits<std::uint64_t>::max(),
                     .next_deadline = up_to(1) ? now_ + latency() : std::chrono::nanoseconds::max()});
    in.min_idle = small();
    return in;
  }

 private:
  std::uint64_t up_to(std::uint64_t n) { return std::uniform_int_distribution<std::uint64_t>(0, n)(random_); }
  std::uint64_t small() { return up_to(2) == 0 ? 0 : up_to(up_to(1) ? 4 : 100); }
  std::chrono::nanoseconds latency() {
    return up_to(3) == 0 ? std::chrono::nanoseconds(0) : std::chrono::microseconds(up_to(3'000'000));
  }

  std::mt19937 random_;
  std::chrono::nanoseconds now_{};
  std::uint64_t acquired_ = 0;
};

#endif
