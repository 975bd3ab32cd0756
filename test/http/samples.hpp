// Snapshots for tests.
#ifndef HOTSLOT_TEST_HTTP_SAMPLES_HPP
#define HOTSLOT_TEST_HTTP_SAMPLES_HPP

#include <hotslot/core/snapshot.hpp>

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
  q.queue.totals = {10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21};
  return q;
}

inline pool_snapshot sample_pool() {
  return {{sample_queue("00ff", "demo", "echo"), sample_queue("a1b2", "demo", "slow")}};
}

} // namespace hotslot::test

#endif
