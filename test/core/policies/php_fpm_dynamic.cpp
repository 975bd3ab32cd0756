#include "catch.hpp"
#include "scaling_inputs.hpp"

#include <hotslot/policies/php_fpm_dynamic.hpp>

using hotslot::php_fpm_dynamic;
using namespace std::chrono_literals;

// Worked out by hand from php/php-src, sapi/fpm/fpm/fpm_process_ctl.c.
TEST_CASE("php_fpm_dynamic: the rate doubles up to 32 while workers are lacking", "[scaling]") {
  php_fpm_dynamic policy({.min_spare = 100, .max_spare = 150});
  std::uint64_t busy = 0;
  auto now = 0s;
  for (const std::uint64_t expected : {1, 2, 4, 8, 16, 32, 32, 32}) {
    const auto d = policy(input({.busy = busy, .now = now}));
    CHECK(d.start == expected);
    CHECK(d.again == now + 1s);
    CHECK(policy(input({.busy = busy, .now = now + 999ms})).start == 0);
    busy += d.start;
    now += 1s;
  }
  CHECK(policy(input({.idle = 95, .busy = busy, .now = now})).start == 5); // the deficit
  CHECK(policy(input({.idle = 100, .busy = busy, .now = now + 1s})).start == 0);
  CHECK(policy(input({.idle = 0, .busy = busy, .now = now + 2s})).start == 1); // from the beginning
}

TEST_CASE("php_fpm_dynamic: no room sets the rate back", "[scaling]") {
  php_fpm_dynamic policy({.min_spare = 10, .max_spare = 10});
  CHECK(policy(input({.now = 0s})).start == 1);
  CHECK(policy(input({.now = 1s})).start == 2);
  CHECK(policy(input({.busy = 9, .now = 2s, .max_workers = 9})).start == 0);
  CHECK(policy(input({.busy = 9, .now = 3s})).start == 1);
  CHECK(policy(input({.busy = 9, .now = 4s, .max_workers = 10})).start == 1); // of two, to the maximum
}

TEST_CASE("php_fpm_dynamic: ends one of too many a tick", "[scaling]") {
  php_fpm_dynamic policy;
  CHECK(policy(input({.idle = 5, .now = 0s})).eject == 1);
  CHECK(policy(input({.idle = 4, .now = 500ms})).eject == 0);
  CHECK(policy(input({.idle = 4, .now = 1s})).eject == 1);
  CHECK(policy(input({.idle = 3, .now = 2s})).eject == 0);
}

TEST_CASE("php_fpm_dynamic takes workers on their way for idle ones", "[scaling]") {
  php_fpm_dynamic policy({.min_spare = 4, .max_spare = 4});
  CHECK(policy(input({.idle = 1, .starting = 1, .reserving = 1, .now = 0s})).start == 1);
  CHECK(policy(input({.idle = 1, .starting = 2, .reserving = 1, .now = 1s})).start == 0);
}

TEST_CASE("php_fpm_dynamic starts one at once for those who wait with no worker at all", "[scaling]") {
  php_fpm_dynamic policy({.min_spare = 0, .max_spare = 3});
  CHECK(policy(input({.waiting = 2, .now = 0s})).start == 1);
  CHECK(policy(input({.waiting = 2, .now = 100ms})).start == 1);
  CHECK(policy(input({.waiting = 2, .starting = 1, .now = 200ms})).start == 0);
}
