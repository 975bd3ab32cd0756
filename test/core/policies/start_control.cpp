#include "catch.hpp"

#include <hotslot/policies/start_control.hpp>

using hotslot::start_control;
using hotslot::start_options;
using namespace std::chrono_literals;

namespace {

// Attempts within `time` of a worker that fails at once, where `wanted` are always wanted.
unsigned attempts(const start_options& options, std::chrono::nanoseconds time, std::uint64_t wanted) {
  start_control control;
  unsigned n = 0;
  for (std::chrono::nanoseconds now{}; now < time;) {
    const auto p = control.ask(options, now, wanted, 0);
    for (auto i = p.starts; i != 0; --i, ++n)
      control.failed(options, now, 0);
    now = p.starts != 0 ? control.not_before() : p.again;
  }
  return n;
}

} // namespace

TEST_CASE("a worker that always fails is tried at most 12 times in the first 10 s, whatever is wanted",
          "[start]") {
  for (const std::uint64_t wanted : {1u, 2u, 8u, 200u}) {
    const unsigned n = attempts({.first_starts = 8}, 10s, wanted);
    CHECK(n <= 12);
    CHECK(n >= 6);
  }
}

TEST_CASE("without a bound on first starts, all that fail together count", "[start]") {
  CHECK(attempts({}, 10s, 8) <= 12);
  CHECK(attempts({}, 10s, 8) >= 9);
}

TEST_CASE("until one has succeeded no more than first_starts are under way", "[start]") {
  start_control control;
  start_options options{.first_starts = 8};
  CHECK(control.ask(options, 0s, 200, 0).starts == 8);
  CHECK(control.ask(options, 0s, 200, 5).starts == 3);
  CHECK(control.ask(options, 0s, 200, 9).starts == 0);
  control.succeeded();
  const auto p = control.ask(options, 0s, 200, 9);
  CHECK(p.starts == 200);
  CHECK(p.held_back.text.empty());
}

TEST_CASE("after a failure nothing is started, then one probe at a time, and all after a success",
          "[start]") {
  start_control control;
  start_options options{.backoff = {.first = 100ms, .most = 5s}, .breaker_failures = 2};
  CHECK(control.failed(options, 1s, 0) == 100ms);
  auto p = control.ask(options, 1s + 99ms, 5, 0);
  CHECK(p.starts == 0);
  CHECK(p.again == 1s + 100ms);
  CHECK_FALSE(control.open(options, 1s));
  CHECK(control.ask(options, 1s + 100ms, 5, 0).starts == 1);
  CHECK(control.ask(options, 1s + 100ms, 5, 1).starts == 0);
  CHECK(control.failed(options, 2s, 0) == 200ms);
  CHECK(control.open(options, 2s));
  CHECK_FALSE(control.open(options, 2s + 200ms)); // half open: probed
  control.succeeded();
  CHECK(control.ask(options, 2s, 5, 1).starts == 5);
}

TEST_CASE("starts are kept to a rate, and to a burst", "[start]") {
  start_control control;
  control.succeeded();
  start_options options{.starts_per_second = 2, .start_burst = 3};
  auto p = control.ask(options, 10s, 5, 0);
  CHECK(p.starts == 3);
  CHECK(p.again == 10s + 500ms);
  CHECK(to_string(p.held_back) == "5 wanted; 3 now, at most 2 a second");
  CHECK(control.ask(options, 10s + 400ms, 5, 0).starts == 0);
  CHECK(control.ask(options, 10s + 500ms, 5, 0).starts == 1);
  CHECK(control.ask(options, 20s, 1, 0).starts == 1);
  CHECK(control.ask(options, 20s, 5, 0).starts == 2);
}
