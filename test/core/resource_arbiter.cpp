#include "catch.hpp"

#include <hotslot/detail/resources/resource_arbiter.hpp>

using hotslot::resources;
using hotslot::detail::resource_account_node;
using hotslot::detail::resource_arbiter;
using hotslot::detail::resource_request;

namespace {

resources mb(std::uint64_t n) { return {.memory_mb = n}; }

// Waits no longer when it goes.
struct request : resource_request {
  request(resource_arbiter& arbiter, resource_account_node& a, const resources& r)
    : resource_request(a, r)
    , owner(arbiter) {}
  ~request() {
    if (state == state_type::waiting)
      owner.forget(*this);
  }
  resource_arbiter& owner;
};

struct fixture {
  resource_arbiter arbiter{resources{.memory_mb = 100, .cpu_milli = 1000, .tokens = {2}}};
  resource_account_node a, b;

  fixture() {
    arbiter.open(a, 1, {});
    arbiter.open(b, 1, {});
  }
  ~fixture() {
    arbiter.close(a);
    arbiter.close(b);
  }
  void wait(resource_request& r) { arbiter.wait(r); }
};

} // namespace

TEST_CASE_METHOD(fixture, "what is taken is not had twice, of any kind", "[resources]") {
  CHECK(arbiter.try_take(a, {.memory_mb = 60, .cpu_milli = 500, .tokens = {1}}));
  CHECK_FALSE(arbiter.try_take(b, mb(41)));
  CHECK_FALSE(arbiter.try_take(b, {.cpu_milli = 501}));
  CHECK_FALSE(arbiter.try_take(b, {.tokens = {2}}));
  CHECK(arbiter.try_take(b, {.memory_mb = 40, .cpu_milli = 500, .tokens = {1}}));
  arbiter.give_back(a, {.memory_mb = 60, .cpu_milli = 500, .tokens = {1}});
  CHECK(arbiter.taken() == b.used);
}

TEST_CASE_METHOD(fixture, "what could never be had is told from what cannot be had now", "[resources]") {
  CHECK(arbiter.try_take(a, mb(100)));
  CHECK(arbiter.possible(b, mb(100)));
  CHECK_FALSE(arbiter.possible(b, mb(101)));
  CHECK_FALSE(arbiter.possible(b, {.tokens = {0, 1}}));
  arbiter.change(a, 1, mb(30));
  CHECK_FALSE(arbiter.possible(b, mb(71)));
  CHECK(arbiter.possible(a, mb(100)));
}

TEST_CASE_METHOD(fixture, "an account's minimum is had by nobody else, used or not", "[resources]") {
  arbiter.change(a, 1, mb(30));
  CHECK_FALSE(arbiter.try_take(b, mb(71)));
  CHECK(arbiter.try_take(b, mb(70)));
  CHECK(arbiter.try_take(a, mb(30)));
  arbiter.give_back(a, mb(30));
  CHECK_FALSE(arbiter.try_take(b, mb(1)));
}

TEST_CASE_METHOD(fixture, "the account with the least for its weight comes first, then the oldest",
                 "[resources]") {
  CHECK(arbiter.try_take(a, mb(60)));
  CHECK(arbiter.try_take(b, mb(40)));
  request a1(arbiter, a, mb(10)), a2(arbiter, a, mb(10)), b1(arbiter, b, mb(10));
  wait(a1), wait(a2), wait(b1);
  CHECK(arbiter.grant_next() == nullptr);
  arbiter.give_back(a, mb(10));
  CHECK(arbiter.grant_next() == &b1);
  CHECK(arbiter.grant_next() == nullptr);
  arbiter.change(a, 4, {});
  request b2(arbiter, b, mb(10));
  wait(b2);
  arbiter.give_back(a, mb(20));
  CHECK(arbiter.grant_next() == &a1);
  CHECK(arbiter.grant_next() == &a2);
  CHECK(arbiter.grant_next() == nullptr);
}

TEST_CASE_METHOD(fixture, "weakness 14 of pools: small requests pass a large one, but not for ever",
                 "[resources]") {
  CHECK(arbiter.try_take(b, mb(50)));
  request large(arbiter, a, mb(80));
  wait(large);
  for (unsigned i = 0; i != resource_arbiter::max_overtakes; ++i) {
    request small(arbiter, b, mb(10));
    wait(small);
    REQUIRE(arbiter.grant_next() == &small);
    arbiter.give_back(b, mb(10));
  }
  request small(arbiter, b, mb(10));
  wait(small);
  CHECK(arbiter.grant_next() == nullptr);
  arbiter.give_back(b, mb(50));
  CHECK(arbiter.grant_next() == &large);
  CHECK(arbiter.grant_next() == &small);
}

TEST_CASE_METHOD(fixture, "what is freed for a request is had by no other but within a minimum",
                 "[resources]") {
  CHECK(arbiter.try_take(b, mb(90)));
  request large(arbiter, a, mb(20)), small(arbiter, b, mb(5));
  wait(large), wait(small);
  CHECK(arbiter.missing_for(large) == mb(10));
  arbiter.hold_for(large);
  CHECK(arbiter.grant_next() == nullptr);
  CHECK_FALSE(arbiter.try_take(b, mb(1)));
  arbiter.give_back(b, mb(10));
  CHECK(arbiter.grant_next() == &large);
}

TEST_CASE_METHOD(fixture, "a request that is forgotten holds up nobody", "[resources]") {
  CHECK(arbiter.try_take(b, mb(95)));
  request large(arbiter, a, mb(20)), small(arbiter, b, mb(5));
  wait(large), wait(small);
  arbiter.hold_for(large);
  arbiter.forget(large);
  CHECK(arbiter.grant_next() == &small);
  CHECK_FALSE(arbiter.has_waits());
}
