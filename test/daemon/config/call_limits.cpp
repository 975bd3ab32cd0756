#include "daemon/config/call_limits.hpp"

#include "catch.hpp"
#include "daemon/calls/rate_limiter.hpp"
#include "joining_thread.hpp"
#include "small_config.hpp"

#include <string>
#include <thread>
#include <vector>

using namespace hotslot::daemon;
using namespace std::chrono_literals;

TEST_CASE("limits of calls are read, or have their defaults") {
  const auto f =
      read(R"(, "max_header_bytes": 2000, "max_body_bytes": 10, "max_reply_bytes": 20, "detached": false,
                           "rate_limit": {"per_second": 5, "burst": 7})")
          .functions.at(0);
  CHECK(f.limits.request_header == 2000);
  CHECK(f.limits.request_body == 10);
  CHECK(f.limits.reply_body == 20);
  CHECK_FALSE(f.limits.detached);
  CHECK(f.limits.calls == rate{5, 7});
  CHECK(read(R"(, "rate_limit": {"per_second": 5})").functions.at(0).limits.calls == rate{5, 5});

  const auto d = read("").functions.at(0);
  CHECK(d.limits.request_header == 16384);
  CHECK(d.limits.request_body == call_limits::none);
  CHECK(d.limits.reply_body == call_limits::none);
  CHECK(d.limits.detached);
  CHECK_FALSE(d.limits.calls);
}

TEST_CASE("timeouts and room for detached calls are read, or have their defaults") {
  const auto c = read("", R"("timeouts": {"header_ms": 1, "body_ms": 2, "idle_ms": 3, "write_ms": 4},
    "detached": {"max_waiting": 5, "max_bytes": 6, "max_body_bytes": 7}, )");
  hotslot::http::server_limits limits;
  c.timeouts.put_into(limits);
  CHECK(limits.header_timeout == 1ms);
  CHECK(limits.body_timeout == 2ms);
  CHECK(limits.idle_timeout == 3ms);
  CHECK(limits.write_timeout == 4ms);
  CHECK(c.detached == detached_limits{5, 6, 7});

  const auto d = read("");
  CHECK(d.timeouts.header == 10s);
  CHECK(d.timeouts.body == 60s);
  CHECK(d.timeouts.idle == 60s);
  CHECK(d.timeouts.write == 30s);
  CHECK(d.detached == detached_limits{1000, 64u << 20, 1u << 20});
}

// 14.23
TEST_CASE("trusted proxies are read, or there are none") {
  const auto c = read("", R"("trusted_proxies": ["10.0.0.0/8", "::1"], )");
  CHECK(c.trusted_proxies.has(boost::asio::ip::make_address("10.1.2.3")));
  CHECK(c.trusted_proxies.has(boost::asio::ip::make_address("::1")));
  CHECK(read("").trusted_proxies.empty());
  CHECK(problem_of("", R"("trusted_proxies": "10.0.0.1", )") ==
        "/trusted_proxies: must be an array of strings, not a string");
  CHECK(problem_of("", R"("trusted_proxies": ["::1", "10.0.0.0/40"], )") ==
        "/trusted_proxies/1: must be an address, a network as 10.0.0.0/8 or 2001:db8::/32, with no bits "
        "set beyond its length, or unix:");
  CHECK(problem_of("", R"("trusted_proxies": [1], )") ==
        "/trusted_proxies/0: must be a string, not a number");
}

TEST_CASE("limits that make no sense are told with their pointers") {
  CHECK(problem_of(R"(, "max_body_bytes": 0)") ==
        "/functions/0/max_body_bytes: must be a whole number from 1 to 1099511627776, not 0");
  CHECK(problem_of(R"(, "max_header_bytes": 1023)") ==
        "/functions/0/max_header_bytes: must be a whole number from 1024 to 16777216, not 1023");
  CHECK(problem_of(R"(, "rate_limit": 5)") == "/functions/0/rate_limit: must be an object, not a number");
  CHECK(problem_of(R"(, "rate_limit": {"burst": 5})") ==
        "/functions/0/rate_limit/per_second: this member is required");
  CHECK(problem_of(R"(, "rate_limit": {"per_second": 0})") ==
        "/functions/0/rate_limit/per_second: must be a whole number from 1 to 1000000, not 0");
  CHECK(problem_of(R"(, "rate_limit": {"per_second": 1, "per_minute": 1})") ==
        "/functions/0/rate_limit/per_minute: unknown member");
  CHECK(problem_of(R"(, "detached": 1)") == "/functions/0/detached: must be true or false, not a number");
  CHECK(problem_of("", R"("timeouts": {"idle_ms": 0}, )") ==
        "/timeouts/idle_ms: must be a whole number from 1 to 3600000, not 0");
  CHECK(problem_of("", R"("timeouts": {"idle": 1}, )") == "/timeouts/idle: unknown member");
  CHECK(problem_of("", R"("detached": true, )") == "/detached: must be an object, not a boolean");
  CHECK(problem_of("", R"("detached": {"max_waiting": -1}, )") ==
        "/detached/max_waiting: must be a whole number from 0 to 1000000, not -1");
}

TEST_CASE("a bucket gives its burst at once, then its rate") {
  rate_limiter limiter({.per_second = 10, .burst = 3});
  CHECK_FALSE(limiter.try_take(1h));
  CHECK_FALSE(limiter.try_take(1h));
  CHECK_FALSE(limiter.try_take(1h));
  CHECK(limiter.try_take(1h) == 100ms);
  CHECK(limiter.try_take(1h + 60ms) == 40ms);
  CHECK_FALSE(limiter.try_take(1h + 100ms));
  CHECK(limiter.try_take(1h + 100ms) == 100ms);
  CHECK(limiter.refused() == 3);
}

TEST_CASE("a bucket is full again after a while, and no fuller") {
  rate_limiter limiter({.per_second = 1'000'000, .burst = 2});
  for (const auto now : {1s, 2s, 100'000s}) {
    CHECK_FALSE(limiter.try_take(now));
    CHECK_FALSE(limiter.try_take(now));
    CHECK(limiter.try_take(now) == 1us);
  }
}

TEST_CASE("threads that share a bucket get what is in it") {
  rate_limiter limiter({.per_second = 1, .burst = 100});
  std::atomic<int> taken{0};
  {
    std::vector<joining_thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        for (int i = 0; i < 100; ++i)
          taken += !limiter.try_take(1s);
      });
  }
  CHECK(taken == 100);
  CHECK(limiter.refused() == 300);
}
