#include "catch.hpp"
#include "scaling_inputs.hpp"
#include "seed.hpp"

#include <hotslot/policies/policies.hpp>

#include <string>

using hotslot::make_policy;
using hotslot::policy_names;
using hotslot::scaling_decision;
using hotslot::scaling_input;

namespace {

std::uint64_t room(const scaling_input& in) {
  const auto there = in.workers() + in.starting() + in.reserving();
  return in.max_workers > there ? in.max_workers - there : 0;
}

bool same(const scaling_decision& a, const scaling_decision& b) {
  return a.start == b.start && a.eject == b.eject && a.reason == b.reason && a.again == b.again;
}

/// What is wrong with a decision, whatever the policy.
std::string fault(const scaling_input& in, const scaling_decision& d) {
  if (d.start > room(in))
    return "starts more than there is room for";
  if (d.eject > in.queue.idle)
    return "ejects busy workers";
  if (d.eject != 0 && in.queue.idle - d.eject < std::max(in.min_idle, in.waiting()))
    return "ejects workers that are needed";
  if (d.start != 0 && d.eject != 0)
    return "starts and ejects";
  if (d.again <= in.now)
    return "wants to be asked at once";
  if (in.waiting() != 0 && in.workers() + in.starting() + in.reserving() == 0 && room(in) != 0 &&
      d.start == 0)
    return "lets callers starve";
  if (d.reason.text.empty())
    return "says nothing";
  return {};
}

} // namespace

TEST_CASE("policies are made by their names", "[scaling]") {
  REQUIRE(policy_names().size() == 7);
  CHECK(policy_names().front() == "demand");
  for (const auto name : policy_names())
    CHECK(make_policy(name));
  CHECK_FALSE(make_policy("demands"));
  CHECK_FALSE(make_policy(""));
}

TEST_CASE("policies made by name are those of that name", "[scaling]") {
  const auto in = input({.waiting = 9, .idle = 1, .busy = 1, .run = std::chrono::milliseconds(1)});
  CHECK(make_policy("demand")(in).start == 8);
  CHECK(make_policy("fn_2018")(in).start == 1);
  CHECK(make_policy("fn_stall_check")(in).reason.text == "{} wait, but no wait was measured yet");
  CHECK(make_policy("knative_kpa")(in).start == 15 - 2); // ceil(10 / 0.7)
  CHECK(make_policy("little")(in).start == 10 + 4 - 2);  // ceil(10 + sqrt(10))
  CHECK(make_policy("php_fpm_dynamic")(in).start == 0);  // one is idle
  CHECK(make_policy("uwsgi_busyness")(in).start == 0);   // half of them are busy
}

TEST_CASE("every policy keeps to the rules at any input, and decides the same from the same memory",
          "[scaling]") {
  for (const auto name : policy_names()) {
    random_inputs inputs(random_seed());
    auto policy = make_policy(name);
    for (int n = 0; n != 20'000; ++n) {
      if (n % 1'000 == 0)
        policy = make_policy(name);
      auto copy = policy;
      const auto in = inputs.next();
      const auto d = policy(in);
      const auto wrong = fault(in, d);
      if (!wrong.empty() || !same(d, copy(in)))
        FAIL(name << " at step " << n << ": " << (wrong.empty() ? "is not deterministic" : wrong));
    }
  }
}

TEST_CASE("policies that follow the waiting calls start nobody for none, and no more than wait",
          "[scaling]") {
  for (const auto name : {"demand", "fn_2018", "fn_stall_check"}) {
    random_inputs inputs(random_seed());
    auto policy = make_policy(name);
    for (int n = 0; n != 20'000; ++n) {
      const auto in = inputs.next();
      const auto d = policy(in);
      if (d.start > in.waiting() || d.eject != 0)
        FAIL(name << " at step " << n);
    }
  }
}
