// A queue at rest, or with one long call, runs no handler without a cause.
#include "catch.hpp"
#include "simulated_pool.hpp"

#include <string>
#include <utility>

namespace {

// Each option at the ends of its range, and near the lower one.
std::vector<std::pair<std::string, launcher_options>> extreme_options() {
  std::vector<std::pair<std::string, launcher_options>> all{{"none", {}}};
  const std::pair<std::string, nanoseconds> times[] = {
      {"0", 0ns}, {"1 ms", 1ms}, {"max", nanoseconds::max()}};
  for (const auto& [text, t] : times) {
    all.push_back({"idle_timeout " + text, {.idle_timeout = t}});
    all.push_back({"idle_timeout with a minimum " + text, {.min_idle = 1, .idle_timeout = t}});
    all.push_back({"max_lifetime " + text, {.idle_timeout = 1h, .max_lifetime = t}});
    all.push_back({"pause_after " + text, {.idle_timeout = 1h, .pause_after = t}});
    all.push_back({"pause_after with a minimum " + text, {.min_idle = 2, .pause_after = t}});
    all.push_back({"start_timeout " + text, {.start_timeout = t}});
    launcher_options o;
    o.starts.backoff.first = o.starts.backoff.most = t;
    all.push_back({"backoff.first " + text, o});
  }
  for (const std::uint32_t n : {0u, 1u, std::numeric_limits<std::uint32_t>::max()}) {
    const auto text = std::to_string(n);
    all.push_back({"max_workers " + text, {.max_workers = n}});
    all.push_back({"max_calls " + text, {.max_calls = n}});
    launcher_options o;
    o.starts.first_starts = n;
    all.push_back({"first_starts " + text, o});
    o = {};
    o.starts.starts_per_second = n;
    all.push_back({"starts_per_second " + text, o});
    o = {};
    o.starts.breaker_failures = n;
    all.push_back({"breaker_failures " + text, o});
  }
  return all;
}

std::uint64_t handlers_in(sim::scheduler& s, nanoseconds t) {
  const auto before = s.tasks();
  run_for(s, t);
  return s.tasks() - before;
}

constexpr std::uint64_t few = 4; // what was set for before may come yet

} // namespace

TEST_CASE_METHOD(pool_fixture, "a queue at rest runs no handler, whatever its options", "[launcher]") {
  const auto options = extreme_options();
  const auto& [name, o] = options.at(GENERATE_COPY(range(std::size_t(0), options.size())));
  INFO(name);
  simulated_key k(scheduler, {}, o);
  k.call();
  run_for(scheduler, 1min);
  CHECK(handlers_in(scheduler, 1min) <= few);
}

TEST_CASE_METHOD(pool_fixture, "one long call runs no handler, whatever the options", "[launcher]") {
  const auto options = extreme_options();
  const auto& [name, o] = options.at(GENERATE_COPY(range(std::size_t(0), options.size())));
  INFO(name);
  simulated_key k(scheduler, {.run_time = 24h}, o);
  k.call();
  run_for(scheduler, 1min);
  CHECK(handlers_in(scheduler, 1min) <= few);
}

TEST_CASE_METHOD(pool_fixture, "a queue at rest runs no handler, whatever its policy", "[launcher]") {
  for (const auto name : hotslot::policy_names()) {
    simulated_key k(scheduler, {},
                    {.policy = hotslot::make_policy(name), .idle_timeout = nanoseconds::max()});
    k.call();
    k.call();
    run_for(scheduler, 1h);
    INFO(name);
    CHECK(handlers_in(scheduler, 1min) <= few);
  }
}
