#include "daemon/service/connection_shares.hpp"

#include "catch.hpp"

using hotslot::daemon::connection_shares;

TEST_CASE("callers leave descriptors to operators, workers and the server") {
  for (const std::uint64_t descriptors : {64ul, 128ul, 256ul, 1024ul, 4096ul, 65'536ul, 1'048'576ul}) {
    const auto s = connection_shares::of(descriptors);
    CAPTURE(descriptors, s.calls, s.admin);
    CHECK(s.calls >= 4);
    CHECK(s.calls <= 16'384);
    CHECK(s.admin >= 4);
    CHECK(s.admin <= 256);
    CHECK(descriptors - s.calls - s.admin >= 32 + descriptors / 4);
  }
  CHECK(connection_shares::of(1024).calls == 672);
  CHECK(connection_shares::of(20'000'000).calls == 16'384);
  CHECK(connection_shares::of(0).calls == 4); // what is not known, or nothing, is not divided
}
