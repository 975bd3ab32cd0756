// Slots that are validated, reset and kept alive between calls.
#include "catch.hpp"
#include "queue_fixture.hpp"

#include <hotslot/slot_queue.hpp>

#include <boost/asio.hpp>

#include <deque>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace upkeep_test {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using hotslot::errc;
using hotslot::error_code;
using hotslot::worker_condition;

struct slot {
  int number;
  std::shared_ptr<std::vector<int>> closed;

  void close() noexcept { closed->push_back(number); }
};

struct fixture : manual_queue_fixture<slot> {
  queue_type::upkeep_type upkeep;
  std::shared_ptr<std::vector<int>> closed = std::make_shared<std::vector<int>>();

  // What is being done with a slot, until the test ends it.
  struct step {
    int slot;
    std::string what;
    std::shared_ptr<asio::steady_timer> end;
    bool fit = true;
  };
  std::deque<std::shared_ptr<step>> steps;
  bool stubborn = false;

  asio::awaitable<bool> look_after(slot& s, std::string what) {
    const auto ex = co_await asio::this_coro::executor;
    auto end = std::make_shared<asio::steady_timer>(ex, asio::steady_timer::time_point::max());
    auto one = std::make_shared<step>(step{s.number, std::move(what), std::move(end)});
    steps.push_back(one);
    if (stubborn)
      co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    co_await one->end->async_wait(asio::as_tuple(asio::use_awaitable));
    co_return one->fit;
  }
  auto validating() {
    return [this](slot& s) { return look_after(s, "validate"); };
  }
  auto awaiting(std::string what) {
    return [this, what](slot& s) -> asio::awaitable<void> {
      const bool fit = co_await look_after(s, what);
      if (!fit)
        throw std::runtime_error("unfit");
    };
  }

  void begin() { q.set_upkeep(upkeep); }
  void add(int n) { q.queue_slot(slot{n, closed}); }
  void end_first(bool fit = true) {
    auto one = steps.front();
    steps.pop_front();
    one->fit = fit;
    one->end->cancel();
    poll();
  }
  std::vector<int> looked_after() const {
    std::vector<int> all;
    for (const auto& s : steps)
      all.push_back(s->slot);
    return all;
  }
};

TEST_CASE_METHOD(fixture, "a slot that has been idle for long is validated before a caller gets it",
                 "[upkeep]") {
  upkeep.validate = validating();
  begin();
  add(1);
  manual_clock::advance(499ms);
  auto fresh = q.try_acquire();
  CHECK(fresh);
  fresh = {};
  manual_clock::advance(1ms);
  auto& c = call();
  CHECK_FALSE(c.ec);
  CHECK(q.snapshot().validating == 1);
  CHECK(q.snapshot().idle == 0);
  REQUIRE(steps.size() == 1);
  end_first();
  CHECK(c.ec == error_code());
  CHECK(c.number() == 1);
  CHECK(q.snapshot().validating == 0);
}

TEST_CASE_METHOD(fixture, "a slot that is always to be validated is validated once for each caller",
                 "[upkeep]") {
  upkeep.validate = validating();
  upkeep.validate_after = 0s;
  begin();
  auto& c = call();
  add(1); // which is not validated: it has just been made
  poll();
  CHECK(c.number() == 1);
  CHECK(steps.empty());
  c.held.release();
  poll();
  auto& next = call();
  end_first();
  CHECK(next.number() == 1);
}

TEST_CASE_METHOD(fixture, "a slot that is not fit is closed, and its caller gets the next one", "[upkeep]") {
  upkeep.validate = validating();
  begin();
  for (int n = 1; n <= 3; ++n)
    add(n);
  manual_clock::advance(1s);
  auto& c = call();
  CHECK(looked_after() == std::vector{3});
  end_first(false);
  CHECK(*closed == std::vector{3});
  CHECK(looked_after() == std::vector{2});
  end_first();
  CHECK(c.number() == 2);
  CHECK(q.snapshot().totals.ejected_unfit == 1);
  CHECK(q.snapshot().idle == 1);
}

TEST_CASE_METHOD(fixture, "as many slots are validated as wait", "[upkeep]") {
  upkeep.validate = validating();
  begin();
  for (int n = 1; n <= 3; ++n)
    add(n);
  manual_clock::advance(1s);
  auto& first = call();
  auto& second = call();
  CHECK(looked_after() == std::vector{3, 2});
  end_first();
  CHECK(first.number() == 3);
  end_first();
  CHECK(second.number() == 2);
}

TEST_CASE_METHOD(fixture, "a validation is bounded by its timeout and by its caller's deadline", "[upkeep]") {
  stubborn = GENERATE(true, false);
  upkeep.validate = validating();
  upkeep.validate_timeout = 2s;
  begin();
  add(1);
  add(2);
  pass(1s);
  auto& patient = call();
  auto& impatient = call(manual_clock::now() + 1s);
  CHECK(looked_after() == std::vector{2, 1});
  end_first();
  CHECK(patient.number() == 2);
  pass(1s);
  CHECK(impatient.ec == errc::deadline_exceeded);
  CHECK(q.snapshot().validating == 1);
  pass(1s);
  CHECK(q.snapshot().validating == 0);
  CHECK(*closed == (stubborn ? std::vector<int>() : std::vector{1}));
  if (stubborn)
    end_first();
  CHECK(*closed == std::vector{1});
  CHECK(q.snapshot().totals.ejected_unfit == 1);
}

TEST_CASE_METHOD(fixture, "whoever only tries finds a slot that has been validated for him the next time",
                 "[upkeep]") {
  upkeep.validate = validating();
  begin();
  add(1);
  manual_clock::advance(1s);
  CHECK_FALSE(q.try_acquire());
  CHECK_FALSE(q.try_acquire());
  poll();
  CHECK(looked_after() == std::vector{1});
  end_first();
  CHECK(q.try_acquire());
}

TEST_CASE_METHOD(fixture, "a slot is reset before it is offered again", "[upkeep]") {
  upkeep.reset = awaiting("reset");
  begin();
  add(1);
  auto l = q.try_acquire();
  l.release();
  poll();
  CHECK(looked_after() == std::vector{1});
  CHECK(q.snapshot().resetting == 1);
  CHECK_FALSE(q.try_acquire());
  auto& c = call();
  CHECK_FALSE(c.ec);
  end_first();
  CHECK(c.number() == 1);
  c.held.release();
  poll();
  end_first(false);
  CHECK(*closed == std::vector{1});
  CHECK(q.snapshot().totals.ejected_unfit == 1);
  CHECK(q.snapshot().resetting == 0);
}

TEST_CASE_METHOD(fixture, "what was not used, or is not to be used again, is not reset", "[upkeep]") {
  upkeep.reset = awaiting("reset");
  begin();
  add(1);
  q.try_acquire() = {};
  poll();
  CHECK(steps.empty());
  CHECK(q.snapshot().idle == 1);
  q.try_acquire().discard();
  poll();
  CHECK(steps.empty());
  CHECK(*closed == std::vector{1});
}

TEST_CASE_METHOD(fixture, "a queue that is closed waits for what is being done with its slots", "[upkeep]") {
  upkeep.reset = awaiting("reset");
  begin();
  add(1);
  q.try_acquire().release();
  poll();
  q.close();
  std::optional<error_code> drained;
  q.async_drain(queue_type::time_point::max(), [&](error_code ec) { drained = ec; });
  poll();
  CHECK_FALSE(drained);
  end_first();
  CHECK(drained == error_code());
  CHECK(*closed == std::vector{1});
}

TEST_CASE_METHOD(fixture, "a slot that is retired while it is looked after is closed after that",
                 "[upkeep]") {
  upkeep.reset = awaiting("reset");
  begin();
  auto token = q.queue_slot(slot{1, closed});
  q.try_acquire().release();
  poll();
  CHECK_FALSE(token.eject());
  token.retire();
  CHECK(closed->empty());
  end_first();
  CHECK(*closed == std::vector{1});
  CHECK(q.snapshot().totals.ejected_requested == 1);
}

TEST_CASE_METHOD(fixture, "slots outlive what is done with them, and a context that is destroyed meanwhile",
                 "[upkeep]") {
  upkeep.reset = awaiting("reset");
  auto context = std::make_unique<asio::io_context>();
  {
    queue_type other(*context);
    other.set_upkeep(upkeep);
    other.queue_slot(slot{1, closed});
    other.queue_slot(slot{2, closed});
    other.try_acquire().release();
    context->poll();
    other.try_acquire().release(); // not begun
  }
  steps.clear(); // their timers are the context's
  context.reset();
  CHECK(std::set<int>(closed->begin(), closed->end()) == std::set{1, 2});
}

TEST_CASE_METHOD(fixture, "hooks see each slot that is acquired and that comes back", "[upkeep]") {
  std::vector<std::string> seen;
  upkeep.on_acquire = [&](slot& s) { seen.push_back("+" + std::to_string(s.number)); };
  upkeep.on_release = [&](slot& s, worker_condition c) {
    seen.push_back((c == worker_condition::clean ? "-" : "x") + std::to_string(s.number));
    (void)q.snapshot(); // there is no lock
  };
  begin();
  add(1);
  q.try_acquire().release();
  q.try_acquire() = {};
  auto& waits = call();
  CHECK(waits.number() == 1);
  waits.held.discard();
  auto& next = call();
  add(2);
  poll();
  next.held.release();
  auto d = q.start_dequeuer();
  asio::co_spawn(
      io,
      [&]() -> asio::awaitable<void> {
        auto offer = co_await d.next();
        auto l = offer.acquire();
        l.release();
      },
      asio::detached);
  poll();
  CHECK(seen == std::vector<std::string>{"+1", "-1", "+1", "-1", "+1", "x1", "+2", "-2", "+2", "-2"});
}

TEST_CASE_METHOD(fixture, "a lease tells of its slot, which it need not use for that", "[queue]") {
  add(1);
  add(2);
  manual_clock::advance(3s);
  auto l = q.try_acquire();
  CHECK(l.peek().number == 2);
  CHECK(l.idle_time() == 3s);
  CHECK(l.calls() == 0);
  CHECK(l.id() == l.token().id());
  const auto id = l.id();
  l = {};
  CHECK(q.snapshot().idle == 2);
  l = q.try_acquire();
  CHECK(l.id() == id);
  l.release();
  l = q.try_acquire();
  CHECK(l.calls() == 1);
  l.token().retire();
  l.release();
  CHECK(*closed == std::vector{2});
}

TEST_CASE_METHOD(fixture, "a lease that is kept goes back to the queue however it ends", "[queue]") {
  add(1);
  {
    auto l = q.try_acquire();
    l->number = 7;
    l.keep();
    auto moved = std::move(l);
  }
  REQUIRE(q.snapshot().idle == 1);
  auto l = q.try_acquire();
  CHECK(l->number == 7);
  l = {};
  CHECK(*closed == std::vector{7});
}

} // namespace upkeep_test
