#include "catch.hpp"
#include "scaling_inputs.hpp"

#include <hotslot/policies/knative_kpa.hpp>

using hotslot::knative_kpa;
using namespace std::chrono_literals;

// Worked out by hand from knative/serving, pkg/autoscaler/scaling/autoscaler.go: target 0.7, windows of 30
// and 3 ticks.
TEST_CASE("knative_kpa: a step from 10 to 30 calls, and back to none", "[scaling]") {
  knative_kpa policy;
  CHECK(policy(at(0s, 0, 10)).start == 5); // ceil(10 / 0.7) = 15
  CHECK(policy(at(1s, 0, 15, 15)).start == 0);
  // mean of 10 and 30: ceil(20 / 0.7) = 29 for 15 is no panic yet
  CHECK(policy(at(2s, 0, 15, 15)).start == 14);
  // 23.3: 34 for 15 is
  CHECK(policy(at(4s, 0, 15, 15)).start == 19);
  // the last three ticks: ceil(30 / 0.7) = 43
  CHECK(policy(at(6s, 0, 15, 15)).start == 28);
  // no fewer until 60 s after the last time over the threshold have passed
  for (auto t = 8s; t <= 66s; t += 2s) {
    const auto d = policy(at(t, 43, 0));
    CHECK(d.start == 0);
    CHECK(d.eject == 0);
    CHECK(d.again == t + 2s);
  }
  // then half of them at a time
  CHECK(policy(at(68s, 43, 0)).eject == 22);
  CHECK(policy(at(69s, 21, 0)).eject == 0);
  CHECK(policy(at(70s, 21, 0)).eject == 11);
  CHECK(policy(at(72s, 10, 0)).eject == 5);
  CHECK(policy(at(74s, 1, 0)).eject == 1);
  CHECK(policy(at(76s, 0, 0)).again == std::chrono::nanoseconds::max());
}

TEST_CASE("knative_kpa: a panic is left after a stable window, and only then fewer are wanted", "[scaling]") {
  knative_kpa policy;
  CHECK(policy(at(0s, 0, 0, 7)).start == 10); // ceil(7 / 0.7), ten times as many as there are: panic
  for (auto t = 2s; t <= 60s; t += 2s)
    CHECK(policy(at(t, 10, 0)).eject == 0);
  CHECK(policy(at(62s, 10, 0)).eject == 5); // half of them are kept
  // the next panic knows nothing of this one
  CHECK(policy(at(64s, 0, 1, 1)).start == 0); // 2 / 3
  CHECK(policy(at(66s, 0, 1, 1)).start == 1); // ceil(4 / 3 / 0.7) = 2 for one
}

TEST_CASE("knative_kpa counts workers on their way, and grows by no more than its rate", "[scaling]") {
  knative_kpa counting;
  auto in = at(0s, 0, 7, 7); // ceil(14 / 0.7) = 20
  in.queue.states[static_cast<std::size_t>(hotslot::queue_state::starter)] = 6;
  in.queue.resource_waiters = 4;
  CHECK(counting(in).start == 3);
  knative_kpa slow({.max_scale_up_rate = 1.5});
  CHECK(slow(at(0s, 0, 5, 95)).start == 3); // ceil(5 * 1.5) = 8
}

TEST_CASE("knative_kpa starts one at once for those who wait with no worker at all", "[scaling]") {
  knative_kpa policy;
  CHECK(policy(at(0s, 0, 0)).start == 0);
  CHECK(policy(at(1s, 0, 0, 9)).start == 1);
  CHECK(policy(at(1s, 0, 1, 9)).start == 0);
}

TEST_CASE("knative_kpa: time in which nobody asked counts as the time that it was", "[scaling]") {
  knative_kpa policy;
  CHECK(policy(at(0s, 0, 7)).start == 3);
  CHECK(policy(at(600s, 0, 0)).start == 0);
  CHECK(policy(at(602s, 0, 0)).start == 0);
}
