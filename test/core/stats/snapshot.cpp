#include <hotslot/stats/snapshot.hpp>

#include "catch.hpp"

using namespace hotslot;
using namespace std::chrono_literals;

namespace snapshot_test {

named_queue_snapshot queue(std::uint64_t waiting, std::uint64_t starting, std::uint64_t idle,
                           std::uint64_t busy) {
  named_queue_snapshot q;
  q.queue.states = {busy, starting, waiting};
  q.queue.idle = idle;
  q.queue.busy = busy;
  return q;
}

named_queue_snapshot with_failure(named_queue_snapshot q, bool breaker_open) {
  q.failure = failure_view{.ago = 1s, .message = "no", .in_a_row = 1, .breaker_open = breaker_open};
  return q;
}

named_queue_snapshot with_failed_calls(named_queue_snapshot q, std::uint64_t in_a_row) {
  q.failed_calls = call_failures{.total = 100, .in_a_row = in_a_row};
  return q;
}

} // namespace snapshot_test

TEST_CASE("how a queue fares") {
  using snapshot_test::queue;
  using snapshot_test::with_failed_calls;
  using snapshot_test::with_failure;
  CHECK(condition_of(queue(0, 0, 2, 0)) == queue_condition::resting);
  CHECK(condition_of(queue(0, 0, 2, 1)) == queue_condition::serving);
  CHECK(condition_of(queue(1, 0, 1, 0)) ==
        queue_condition::serving); // the worker is on its way to the caller
  CHECK(condition_of(queue(0, 1, 0, 1)) == queue_condition::starting);
  CHECK(condition_of(queue(1, 1, 0, 1)) == queue_condition::waiting);
  CHECK(condition_of(with_failed_calls(queue(0, 0, 1, 0), 4)) == queue_condition::resting);
  CHECK(condition_of(with_failed_calls(queue(1, 1, 0, 1), 5)) == queue_condition::calls_fail);
  CHECK(condition_of(with_failed_calls(with_failure(queue(1, 1, 0, 1), false), 5)) ==
        queue_condition::failing);
  CHECK(condition_of(with_failure(queue(1, 1, 0, 1), false)) == queue_condition::failing);
  CHECK(condition_of(with_failure(queue(0, 0, 0, 0), true)) == queue_condition::breaker_open);
}

TEST_CASE("who needs somebody to look first") {
  using snapshot_test::queue;
  using snapshot_test::with_failure;
  auto used = queue(0, 0, 1, 0);
  used.queue.totals.acquired = 5;
  const named_queue_snapshot by_need[] = {with_failure(queue(0, 0, 0, 0), true),
                                          with_failure(queue(9, 0, 0, 0), false),
                                          snapshot_test::with_failed_calls(queue(1, 0, 0, 0), 6),
                                          queue(2, 0, 0, 0),
                                          queue(1, 0, 0, 7),
                                          queue(1, 0, 0, 6),
                                          queue(0, 1, 0, 9),
                                          queue(0, 0, 0, 1),
                                          used,
                                          queue(0, 0, 1, 0)};
  for (std::size_t i = 0; i < std::size(by_need); ++i)
    for (std::size_t j = 0; j < std::size(by_need); ++j)
      CHECK(needs_more(by_need[i], by_need[j]) == (i < j));
}

TEST_CASE("errors are calls that failed or got no worker, but for those whose callers went") {
  named_queue_snapshot q;
  q.queue.totals = {.acquired = 1'000'000,
                    .timed_out = 1,
                    .cancelled = 2'000'000,
                    .shed = 10,
                    .shed_overloaded = 100,
                    .shed_late = 1'000,
                    .failed = 10'000,
                    .launch_failed = 3'000'000};
  CHECK(errors_in(q) == 11'111);
  q.failed_calls = call_failures{.total = 100'000, .in_a_row = 0};
  CHECK(errors_in(q) == 111'111);
}
