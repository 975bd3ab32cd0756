// Snapshots for tests.
#ifndef HOTSLOT_TEST_HTTP_STATS_SAMPLES_HPP
#define HOTSLOT_TEST_HTTP_STATS_SAMPLES_HPP

#include <hotslot/stats/latency_histogram.hpp>
#include <hotslot/stats/snapshot.hpp>

#include <optional>
#include <string_view>

namespace hotslot::test {

inline named_queue_snapshot sample_queue(std::string key, std::string app, std::string name) {
  using namespace std::chrono_literals;
  named_queue_snapshot q;
  q.key = std::move(key);
  q.app = std::move(app);
  q.name = std::move(name);
  q.trigger = "/echo";
  q.id = "01ID";
  q.queue.states = {1, 2, 3};
  q.queue.latencies = {1'500'000ns, 2'000'000'001ns, 250ns};
  q.queue.idle = 4;
  q.queue.busy = 5;
  q.queue.resource_waiters = 6;
  q.queue.validating = 7;
  q.queue.resetting = 8;
  q.queue.pinged = 9;
  q.queue.max_workers = 32;
  q.queue.totals = {10, 11, 12, 13, 27, 28, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 29, 30, 31};
  return q;
}

inline pool_snapshot sample_pool() {
  return {{sample_queue("00ff", "demo", "echo"), sample_queue("a1b2", "demo", "slow")}};
}

/// With all that only some queues and servers have.
inline pool_snapshot sample_pool_of_calls() {
  pool_snapshot pool = sample_pool();
  pool.queues[0].detached = {
      .waiting = 1, .running = 2, .accepted = 10, .refused = 3, .succeeded = 4, .failed = 5, .lost = 6};
  pool.queues[1].detached = detached_counts{.waiting = 1};
  pool.queues[1].rate_limited = 7;
  pool.spans = {.queued = 1, .exported = 2, .dropped = 3};
  return pool;
}

/// One wait for a start in the first bucket of /metrics, one in the second, one of 2 s, one beyond the last.
inline std::optional<queue_histograms> sample_histograms(std::string_view) {
  using namespace std::chrono_literals;
  queue_histograms h;
  for (auto waited : std::initializer_list<std::chrono::nanoseconds>{800us, 1500us, 2s, 100s})
    h.waits[static_cast<std::size_t>(wait_cause::start)].record(waited);
  h.runs.record(3ms);
  h.starts.record(700ms);
  h.immediate = 5;
  return h;
}

} // namespace hotslot::test

#endif
