// Acquisitions in Asio's awaitable operators: a slot that goes to the losing branch is not lost.
#include <hotslot/slot_queue.hpp>

#include "catch.hpp"
#include "seed.hpp"
#include "test_slot.hpp"

#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>

#include <algorithm>
#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <vector>

namespace operators_test {

namespace asio = boost::asio;
using namespace asio::experimental::awaitable_operators;
using asio::use_awaitable;
using hotslot::errc;
using hotslot::error_code;
using queue = hotslot::slot_queue<test_slot>;
using lease = hotslot::lease<test_slot>;

constexpr auto no_deadline = queue::time_point::max();

// Ends when told so.
class bell {
 public:
  explicit bell(asio::io_context& io)
    : timer_(io, asio::steady_timer::time_point::max()) {}

  asio::awaitable<void> wait() { co_await timer_.async_wait(asio::as_tuple(use_awaitable)); }
  void ring() { timer_.cancel(); }

 private:
  asio::steady_timer timer_;
};

struct fixture {
  asio::io_context io{1};
  queue a{io};
  queue b{io};
  bell timer{io};
  bool done = false;

  void poll() {
    io.restart();
    io.poll();
  }
  // A coroutine that waits when this returns, unless it had no need to.
  template <class Body>
  void spawn(Body body) {
    asio::co_spawn(io, std::move(body), [this](std::exception_ptr e) {
      done = true;
      if (e)
        std::rethrow_exception(e);
    });
    poll();
  }
};

TEST_CASE_METHOD(fixture, "acquire || timer: the timer wins, and nobody waits any more", "[operators]") {
  std::size_t winner = 2;
  spawn([&]() -> asio::awaitable<void> {
    auto won = co_await (a.async_acquire(use_awaitable) || timer.wait());
    winner = won.index();
  });
  timer.ring();
  std::uint64_t slots = 0;
  SECTION("alone") {}
  SECTION("and a slot is granted on the way") {
    a.queue_slot(test_slot(1));
    slots = 1;
  }
  poll();
  CHECK(winner == 1);
  CHECK(a.is_idle());
  CHECK(a.snapshot().idle == slots);
}

TEST_CASE_METHOD(fixture, "acquire || timer: the slot wins, even where the timer ends on the way",
                 "[operators]") {
  std::optional<int> got;
  spawn([&]() -> asio::awaitable<void> {
    auto won = co_await (a.async_acquire(use_awaitable) || timer.wait());
    REQUIRE(won.index() == 0);
    got = std::get<0>(won)->number;
    std::get<0>(won).release();
  });
  a.queue_slot(test_slot(1));
  timer.ring();
  poll();
  CHECK(got == 1);
  CHECK(a.is_idle());
  CHECK(a.snapshot().idle == 1);
}

TEST_CASE_METHOD(fixture, "acquire || acquire: both are granted a slot, and one goes back", "[operators]") {
  queue& other = GENERATE(false, true) ? a : b;
  lease held;
  spawn([&]() -> asio::awaitable<void> {
    auto won = co_await (a.async_acquire(use_awaitable) || other.async_acquire(use_awaitable));
    held = won.index() == 0 ? std::move(std::get<0>(won)) : std::move(std::get<1>(won));
  });
  const auto first = a.queue_slot(test_slot(1));
  auto second = other.queue_slot(test_slot(2));
  poll();
  REQUIRE(done);
  CHECK(held->number == 1);
  CHECK(a.snapshot().busy == 1);
  CHECK(other.snapshot().idle == 1);
  CHECK(second.eject()); // its offer stands
  held.release();
}

TEST_CASE_METHOD(fixture, "acquire || acquire: the loser's slot goes to who waits behind", "[operators]") {
  lease held, behind;
  spawn([&]() -> asio::awaitable<void> {
    auto won = co_await (a.async_acquire(use_awaitable) || a.async_acquire(use_awaitable));
    held = std::move(std::get<0>(won));
  });
  a.async_acquire([&](error_code, lease l) { behind = std::move(l); });
  a.queue_slot(test_slot(1));
  a.queue_slot(test_slot(2));
  poll();
  CHECK(held->number == 1);
  CHECK(behind->number == 2);
}

TEST_CASE_METHOD(fixture, "acquire && acquire: both", "[operators]") {
  int sum = 0;
  spawn([&]() -> asio::awaitable<void> {
    auto [one, two] = co_await (a.async_acquire(use_awaitable) && b.async_acquire(use_awaitable));
    sum = one->number + two->number;
    one.release();
    two.discard();
  });
  b.queue_slot(test_slot(2));
  poll();
  CHECK(sum == 0);
  a.queue_slot(test_slot(1));
  poll();
  CHECK(sum == 3);
  CHECK(a.snapshot().idle == 1);
  CHECK(b.snapshot().idle == 0);
}

TEST_CASE_METHOD(fixture, "acquire && acquire: one fails, and the other's slot is not lost", "[operators]") {
  const bool fails_first = GENERATE(false, true);
  std::optional<error_code> failure;
  spawn([&]() -> asio::awaitable<void> {
    const auto now = queue::clock_type::now();
    auto token = a.queue_slot(test_slot(1));
    try {
      auto both = fails_first
                      ? co_await (b.async_acquire(now, use_awaitable) && a.async_acquire(use_awaitable))
                      : co_await (a.async_acquire(use_awaitable) && b.async_acquire(now, use_awaitable));
    } catch (const boost::system::system_error& e) {
      failure = e.code();
    }
    CHECK(token.eject()); // its offer stands
  });
  poll();
  REQUIRE(failure);
  CHECK(*failure == errc::deadline_exceeded);
  CHECK(a.is_idle());
  CHECK(b.is_idle());
  CHECK(a.snapshot().totals.ejected_requested == 1);
}

// Two queues, callers that combine acquisitions in every way, and events in a random order.
class random_world {
 public:
  explicit random_world(std::uint32_t seed)
    : random_(seed) {}

  void step() {
    switch (below(12)) {
    case 0:
    case 1:
      return make_slot();
    case 2:
    case 3:
      return call();
    case 4:
      if (auto* c = any(calls_))
        (*c)->timer.ring();
      return;
    case 5:
      if (auto* c = any(calls_); c && (*c)->waits)
        (*c)->signal.emit(asio::cancellation_type::terminal);
      return;
    case 6:
    case 7:
      return end_a_lease();
    case 8:
      if (auto* t = any(tokens_))
        below(2) ? static_cast<void>(t->eject()) : t->retire_gone();
      return;
    case 9:
      return below(8) ? void() : queue_().cancel();
    default:
      io_.restart();
      for (auto n = below(6); n != 0; --n)
        io_.poll_one();
    }
  }

  // Nothing is on its way: every slot is idle, in somebody's hands, or closed. Those whose `&&` still lacks a
  // slot may have the other.
  std::uint64_t check_at_rest() {
    io_.restart();
    io_.poll();
    std::uint64_t idle = 0, busy = 0;
    for (queue& q : queues_) {
      const auto s = q.snapshot();
      idle += s.idle;
      busy += s.busy;
      CHECK((s.idle == 0 || s.count(hotslot::queue_state::waiter) == 0));
    }
    CHECK(busy >= held_.size());
    CHECK(idle + busy + closed() == slots_.size());
    return busy;
  }

  void check_end() {
    for (auto& c : calls_)
      c->timer.ring();
    for (queue& q : queues_)
      q.cancel();
    CHECK(check_at_rest() == held_.size());
    CHECK(std::none_of(calls_.begin(), calls_.end(), [](const auto& c) { return c->waits; }));
    for (queue& q : queues_)
      q.close();
    held_.clear();
    CHECK(check_at_rest() == 0);
    CHECK(closed() == slots_.size());
  }

 private:
  struct pending {
    explicit pending(asio::io_context& io)
      : timer(io) {}
    bell timer;
    asio::cancellation_signal signal;
    bool waits = false;
  };

  std::uint32_t below(std::uint32_t n) { return random_() % n; }
  queue& queue_() { return queues_[below(2)]; }
  template <class T>
  T* any(std::vector<T>& all) {
    return all.empty() ? nullptr : &all[below(static_cast<std::uint32_t>(all.size()))];
  }
  auto deadline() { return below(3) == 0 ? queue::clock_type::now() : no_deadline; }

  void make_slot() {
    test_slot s(0);
    slots_.push_back(s.closed);
    tokens_.push_back(queue_().queue_slot(std::move(s)));
  }

  void end_a_lease() {
    lease* l = any(held_);
    if (!l)
      return;
    std::swap(*l, held_.back());
    switch (below(4)) {
    case 0:
      held_.back().discard();
      break;
    case 1:
      held_.back().release();
      break;
    case 2:
      held_.back()->number = 1; // touched, and dropped
      break;
    case 3:
      break; // put back
    }
    held_.pop_back();
  }

  void call() {
    calls_.push_back(std::make_unique<pending>(io_));
    pending& c = *calls_.back();
    asio::co_spawn(io_, run(c, below(6)), asio::bind_cancellation_slot(c.signal.slot(), asio::detached));
  }

  asio::awaitable<void> run(pending& c, std::uint32_t kind) {
    c.waits = true; // one that does not wait yet must not be cancelled: co_spawn of Boost 1.81 throws then
    try {
      co_await race(c, kind);
    } catch (const boost::system::system_error&) {
    } catch (const asio::multiple_exceptions&) {
    }
    c.waits = false;
  }

  asio::awaitable<void> race(pending& c, std::uint32_t kind) {
    if (kind == 0) {
      auto won = co_await (queue_().async_acquire(deadline(), use_awaitable) || c.timer.wait());
      if (won.index() == 0)
        keep(std::get<0>(won));
    } else if (kind == 1) {
      auto won = co_await (c.timer.wait() || queue_().acquire(deadline()));
      if (won.index() == 1)
        keep(std::get<1>(won));
    } else if (kind == 2) {
      auto won = co_await (queue_().acquire(deadline()) || queue_().acquire(deadline()));
      keep(won.index() == 0 ? std::get<0>(won) : std::get<1>(won));
    } else if (kind == 3) {
      auto won = co_await (queue_().async_acquire(deadline(), use_awaitable) ||
                           queue_().async_acquire(deadline(), use_awaitable) || c.timer.wait());
      if (won.index() != 2)
        keep(won.index() == 0 ? std::get<0>(won) : std::get<1>(won));
    } else if (kind == 4) {
      auto [one, two] = co_await (queue_().acquire(deadline()) && queue_().acquire(deadline()));
      keep(one);
      keep(two);
    } else {
      auto won = co_await ((queue_().acquire(deadline()) && queue_().acquire(deadline())) || c.timer.wait());
      if (won.index() == 0) {
        keep(std::get<0>(std::get<0>(won)));
        keep(std::get<1>(std::get<0>(won)));
      }
    }
  }

  void keep(lease& l) { held_.push_back(std::move(l)); }

  std::size_t closed() const {
    std::size_t n = 0;
    for (const auto& s : slots_) {
      CHECK(*s <= 1);
      n += static_cast<std::size_t>(*s);
    }
    return n;
  }

  std::mt19937 random_;
  asio::io_context io_{1};
  std::array<queue, 2> queues_{queue(io_), queue(io_)};
  std::vector<std::shared_ptr<std::atomic<int>>> slots_;
  std::vector<queue::token_type> tokens_;
  std::vector<std::unique_ptr<pending>> calls_;
  std::vector<lease> held_;
};

TEST_CASE("whatever happens in whichever order, races lose no slot", "[operators]") {
  for (std::uint32_t round = 0; round != 300; ++round) {
    INFO("round " << round);
    random_world world(random_seed() + round);
    for (int phase = 0; phase != 4; ++phase) {
      for (int i = 0; i != 25; ++i)
        world.step();
      world.check_at_rest();
    }
    world.check_end();
  }
}

} // namespace operators_test
