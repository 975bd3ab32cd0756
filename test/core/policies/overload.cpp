#include "catch.hpp"

#include <hotslot/policies/overload.hpp>

#include <optional>

using hotslot::codel;
using hotslot::forecast;
using namespace std::chrono_literals;

// As folly's Codel with its defaults, 100 ms and 5 ms; see its test, folly/executors/test/CodelTest.cpp.
TEST_CASE("codel sheds waits of more than twice the target after an interval of waits above it",
          "[overload]") {
  codel c;
  CHECK_FALSE(c.on_grant(0ms, 20ms, false));
  CHECK_FALSE(c.on_grant(50ms, 6ms, false));
  CHECK_FALSE(c.on_grant(100ms, 20ms, false)); // still the first interval
  CHECK_FALSE(c.overloaded());
  CHECK_FALSE(c.on_grant(101ms, 20ms, false)); // the first of an interval is never shed
  CHECK(c.overloaded());
  CHECK(c.on_grant(102ms, 11ms, false));
  CHECK_FALSE(c.on_grant(103ms, 10ms, false));
}

TEST_CASE("codel: one short wait in an interval ends the overload", "[overload]") {
  codel c;
  c.on_grant(0ms, 20ms, false);
  c.on_grant(101ms, 20ms, false);
  REQUIRE(c.overloaded());
  CHECK_FALSE(c.on_grant(150ms, 5ms, false));
  CHECK(c.on_grant(160ms, 20ms, false)); // until the interval ends
  CHECK_FALSE(c.on_grant(202ms, 20ms, false));
  CHECK_FALSE(c.overloaded());
  CHECK_FALSE(c.on_grant(203ms, 20ms, false));
}

TEST_CASE("codel sheds nothing of a burst that is served within an interval", "[overload]") {
  codel c;
  for (int n = 0; n <= 100; ++n)
    CHECK_FALSE(c.on_grant(std::chrono::milliseconds(n), std::chrono::milliseconds(n), false));
  CHECK_FALSE(c.on_grant(200ms, 0ms, false));
  CHECK_FALSE(c.overloaded());
}

TEST_CASE("codel exempts calls that waited for a start, and learns nothing from them", "[overload]") {
  codel c;
  for (int n = 0; n != 20; ++n)
    CHECK_FALSE(c.on_grant(n * 60ms, 500ms, true));
  CHECK_FALSE(c.overloaded());
  c.on_grant(2000ms, 20ms, false);
  c.on_grant(2101ms, 20ms, false);
  REQUIRE(c.overloaded());
  CHECK_FALSE(c.on_grant(2102ms, 500ms, true));
  CHECK(c.on_grant(2103ms, 20ms, false));
}

TEST_CASE("codel takes other intervals and targets, and its copies go their own ways", "[overload]") {
  codel c({.interval = 10ms, .target = 1ms});
  c.on_grant(0ms, 3ms, false);
  codel other = c;
  c.on_grant(11ms, 3ms, false);
  CHECK(c.on_grant(12ms, 2001us, false));
  CHECK_FALSE(other.overloaded());
}

TEST_CASE("forecast: workers that are there", "[overload]") {
  CHECK(forecast(0, 20ms, 500ms, 1, 0) == 20ms);
  CHECK(forecast(9, 20ms, 500ms, 4, 0) == 50ms);
  CHECK(forecast(99, 20ms, 500ms, 1, 0) == 2s); // later than a start, but none is under way
}

TEST_CASE("forecast: workers that are starting", "[overload]") {
  CHECK(forecast(0, 20ms, 500ms, 0, 3) == 500ms);
  CHECK(forecast(2, 20ms, 500ms, 0, 3) == 500ms);
  CHECK(forecast(5, 20ms, 500ms, 0, 3) == 520ms); // the third more, of three a run
  // one worker serves 25 until the start, three come then, and four serve the rest
  CHECK(forecast(24, 20ms, 500ms, 1, 3) == 500ms);
  CHECK(forecast(27, 20ms, 500ms, 1, 3) == 500ms);
  CHECK(forecast(31, 20ms, 500ms, 1, 3) == 520ms);
}

TEST_CASE("forecast: what is not known", "[overload]") {
  CHECK(forecast(0, 20ms, 500ms, 0, 0) == std::nullopt);
  CHECK(forecast(0, 0ms, 500ms, 4, 0) == std::nullopt);
  CHECK(forecast(2, 0ms, 500ms, 4, 3) == 500ms);
  CHECK(forecast(3, 0ms, 500ms, 4, 3) == std::nullopt);
  CHECK(forecast(0, 20ms, 0ms, 0, 3) == std::nullopt);
  CHECK(forecast(3, 20ms, 0ms, 1, 3) == 80ms);
}

TEST_CASE("forecast grows with the line and shrinks with the workers", "[overload]") {
  for (std::uint64_t n = 1; n != 6; ++n)
    for (std::uint64_t u = 0; u != 6; ++u)
      for (std::uint64_t k = 0; k != 60; ++k) {
        CHECK(*forecast(k, 20ms, 100ms, n, u) <= *forecast(k + 1, 20ms, 100ms, n, u));
        CHECK(*forecast(k, 20ms, 100ms, n + 1, u) <= *forecast(k, 20ms, 100ms, n, u));
        CHECK(*forecast(k, 20ms, 100ms, n, u + 1) <= *forecast(k, 20ms, 100ms, n, u));
      }
}

TEST_CASE("forecast saturates", "[overload]") {
  CHECK(forecast(~0ull - 1, 24h, 1h, 1, 0) == std::chrono::nanoseconds::max());
}
