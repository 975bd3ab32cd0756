#include "catch.hpp"

#include <hotslot/stats/decision.hpp>

using hotslot::decision_ring;
using namespace std::chrono_literals;

TEST_CASE("a reason's numbers are filled into its text", "[decision]") {
  using hotslot::to_string;
  CHECK(to_string({.text = "{} of {} wait {} s", .numbers = {2, 5, 0.25}}) == "2 of 5 wait 0.25 s");
  CHECK(to_string({.text = "nobody waits"}) == "nobody waits");
  CHECK(to_string({.text = "a { and a }"}) == "a { and a }");
  CHECK(to_string({.text = "{}", .numbers = {123456789}}) == "123456789");
}

TEST_CASE("the ring keeps the last decisions, oldest first, and no repetition of nothing", "[decision]") {
  decision_ring ring;
  CHECK(ring.view(1s).empty());
  for (int i = 0; i < 3; ++i)
    ring.add({.at = 1s, .reason = {.text = "nobody waits"}});
  CHECK(ring.view(1s).size() == 1);
  for (unsigned i = 1; i <= 40; ++i)
    ring.add(
        {.at = std::chrono::seconds(i), .start = i, .reason = {.text = "{} wait", .numbers = {double(i)}}});
  const auto seen = ring.view(41s);
  REQUIRE(seen.size() == decision_ring::capacity);
  CHECK(seen.front().start == 9);
  CHECK(seen.back().reason == "40 wait");
  CHECK(seen.back().ago == 1s);
}
