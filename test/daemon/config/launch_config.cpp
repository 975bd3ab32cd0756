#include "small_config.hpp"

using namespace hotslot::daemon;
using namespace std::chrono_literals;

TEST_CASE("every member about workers is read, and has its default") {
  const auto c = read(R"(, "policy": "little", "min_idle": 1, "max_workers": 4, "idle_timeout_s": 5,
    "max_lifetime_s": 60, "max_calls": 7, "pause_after_ms": 50, "failures_end": "all", "weight": 3,
    "reserved_memory_mb": 64, "starts": {"first": 2, "per_second": 5, "burst": 6, "breaker_failures": 9,
    "backoff_ms": 10, "max_backoff_ms": 20}, "overload": {"max_waiting": 11, "shed": true, "target_ms": 6,
    "interval_ms": 60, "adaptive_lifo": true, "fail_fast": true})")
                     .functions.at(0)
                     .launch;
  CHECK(c.policy == "little");
  CHECK(c.min_idle == 1);
  CHECK(c.max_workers == 4);
  CHECK(c.idle_timeout == 5s);
  CHECK(c.max_lifetime == 60s);
  CHECK(c.max_calls == 7);
  CHECK(c.pause_after == 50ms);
  CHECK(c.failures_end == hotslot::failure_scope::all);
  CHECK(c.weight == 3);
  CHECK(c.reserved_memory_mb == 64);
  CHECK(c.starts.first_starts == 2);
  CHECK(c.starts.starts_per_second == 5);
  CHECK(c.starts.start_burst == 6);
  CHECK(c.starts.breaker_failures == 9);
  CHECK(c.starts.backoff.first == 10ms);
  CHECK(c.starts.backoff.most == 20ms);
  CHECK(c.overload.max_waiting == 11);
  CHECK(c.overload.shed);
  CHECK(c.overload.shedding.target == 6ms);
  CHECK(c.overload.shedding.interval == 60ms);
  CHECK(c.overload.adaptive_lifo);
  CHECK(c.overload.fail_fast);

  const auto d = read("").functions.at(0).launch;
  CHECK(d.policy == "demand");
  CHECK(d.min_idle == 0);
  CHECK(d.max_calls == 0);
  CHECK(d.failures_end == hotslot::failure_scope::one);
  CHECK_FALSE(d.overload.shed);
  CHECK_FALSE(d.overload.fail_fast);
}

TEST_CASE("what makes no sense about workers is told with its pointer") {
  CHECK(problem_of(R"(, "policy": "guess")").starts_with("/functions/0/policy: must be one of \"demand\", "));
  CHECK(problem_of(R"(, "failures_end": "none")") ==
        R"(/functions/0/failures_end: must be one of "one", "all", "breaker", "deadline")");
  CHECK(problem_of(R"(, "min_idle": 9)") == "/functions/0/min_idle: must not be more than max_workers");
  CHECK(problem_of(R"(, "starts": {"backoff_ms": 6000})") ==
        "/functions/0/starts/max_backoff_ms: must not be less than backoff_ms");
  CHECK(problem_of(R"(, "starts": {"speed": 1})") == "/functions/0/starts/speed: unknown member");
  CHECK(problem_of(R"(, "overload": {"shed": 1})") ==
        "/functions/0/overload/shed: must be true or false, not a number");
  CHECK(problem_of(R"(, "overload": {"target_ms": 200})") ==
        "/functions/0/overload/target_ms: must not be more than interval_ms");
  CHECK(problem_of(R"(, "overload": 5)") == "/functions/0/overload: must be an object, not a number");
}

TEST_CASE("the order of eviction is one of two") {
  CHECK(parse_config(R"({"functions": [], "eviction": "cheapest"})", config_file).eviction ==
        hotslot::eviction_order::cheapest);
  CHECK_THROWS_AS(parse_config(R"({"functions": [], "eviction": "newest"})", config_file), config_error);
}
