// Slots of several types in one queue.
#include <hotslot/any_slot.hpp>
#include <hotslot/launcher.hpp>
#include <hotslot/slot_queue.hpp>

#include "catch.hpp"

#include <boost/asio.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <type_traits>
#include <vector>

namespace any_slot_test {

namespace asio = boost::asio;
using hotslot::any_slot;
using hotslot::error_code;
using hotslot::slot_fate;
using queue = hotslot::slot_queue<any_slot>;
using lease = hotslot::lease<any_slot>;

// What has become of a slot, whoever has it.
struct life {
  std::atomic<int> closed{0};
  std::atomic<int> alive{0};
};
using life_pointer = std::shared_ptr<life>;

// Counts how many objects have not been moved from or destroyed.
class in_life {
 public:
  explicit in_life(life_pointer l)
    : life_(std::move(l)) {
    ++life_->alive;
  }
  in_life(in_life&& other) noexcept = default;
  in_life& operator=(in_life&&) = delete;
  ~in_life() {
    if (life_)
      --life_->alive;
  }

  void close() noexcept { ++life_->closed; }

 private:
  life_pointer life_;
};

struct small_slot {
  in_life of;
  void close() noexcept { of.close(); }
};

struct large_slot {
  in_life of;
  alignas(64) std::array<std::byte, 4096> state{};
  void close() noexcept { of.close(); }
};

// Can be constructed from anything but moved only, and not assigned.
struct greedy_slot {
  template <class T>
  explicit greedy_slot(T) {}
  greedy_slot(greedy_slot&&) = default;
  greedy_slot& operator=(greedy_slot&&) = delete;
  void close() noexcept {}
};

struct throwing_slot {
  in_life of;
  explicit throwing_slot(life_pointer l)
    : of(std::move(l)) {}
  throwing_slot(throwing_slot&& other)
    : of(std::move(other.of)) {
    throw 1;
  }
  void close() noexcept { of.close(); }
};

struct without_close {};
struct throwing_close {
  void close() {}
};
struct immovable_slot {
  immovable_slot(immovable_slot&&) = delete;
  void close() noexcept {}
};
class private_close {
  void close() noexcept {}
};

static_assert(hotslot::slot<any_slot>);
static_assert(hotslot::slot<small_slot>);
static_assert(hotslot::slot<large_slot>);
static_assert(hotslot::slot<greedy_slot>);
static_assert(hotslot::slot<throwing_slot>);
static_assert(hotslot::slot<std::remove_reference_t<small_slot&>>);
static_assert(!hotslot::slot<without_close>);
static_assert(!hotslot::slot<throwing_close>);
static_assert(!hotslot::slot<immovable_slot>);
static_assert(!hotslot::slot<private_close>);
static_assert(!hotslot::slot<const small_slot>); // closing changes it
static_assert(!hotslot::slot<int>);
static_assert(!hotslot::slot<void>);

static_assert(std::is_nothrow_move_constructible_v<any_slot>);
static_assert(std::is_nothrow_move_assignable_v<any_slot>);
static_assert(!std::is_copy_constructible_v<any_slot>);
static_assert(!std::is_copy_assignable_v<any_slot>);
static_assert(!std::is_default_constructible_v<any_slot>);
static_assert(std::is_convertible_v<small_slot, any_slot>);
static_assert(!std::is_constructible_v<any_slot, without_close>);
static_assert(!std::is_constructible_v<any_slot, throwing_close>);
static_assert(!std::is_constructible_v<any_slot, int>);

struct fixture {
  asio::io_context io{1};
  queue q{io};
  life_pointer small = std::make_shared<life>();
  life_pointer large = std::make_shared<life>();

  small_slot make_small() const { return {in_life(small)}; }
  large_slot make_large() const { return {in_life(large), {}}; }

  void poll() {
    io.restart();
    io.poll();
  }
};

TEST_CASE_METHOD(fixture, "a slot of any type is found by its type", "[any_slot]") {
  any_slot s(make_small());
  REQUIRE(s.target<small_slot>());
  CHECK_FALSE(s.target<large_slot>());
  CHECK_FALSE(s.target<any_slot>());
  CHECK(small->alive == 1);

  any_slot l(make_large());
  REQUIRE(l.target<large_slot>());
  CHECK_FALSE(l.target<small_slot>());
  CHECK(reinterpret_cast<std::uintptr_t>(&l.target<large_slot>()->state) % 64 == 0);
}

TEST_CASE_METHOD(fixture, "a const slot of any type can be looked at", "[any_slot]") {
  const any_slot s(make_large());
  STATIC_REQUIRE(std::is_same_v<decltype(s.target<large_slot>()), const large_slot*>);
  REQUIRE(s.target<large_slot>());
  CHECK_FALSE(s.target<small_slot>());
}

TEST_CASE_METHOD(fixture, "moving a slot of any type moves no slot", "[any_slot]") {
  any_slot a(make_large());
  a.target<large_slot>()->state[7] = std::byte(3);
  const large_slot* const at = a.target<large_slot>();
  any_slot b(std::move(a));
  CHECK(b.target<large_slot>() == at);
  CHECK(b.target<large_slot>()->state[7] == std::byte(3));
  CHECK_FALSE(a.target<large_slot>()); // NOLINT: what is left of it is told by the header
  CHECK(large->alive == 1);
  CHECK(large->closed == 0);

  a = any_slot(make_small());
  CHECK(a.target<small_slot>());
  a = std::move(b);
  CHECK(a.target<large_slot>() == at);
  CHECK(small->alive == 0);
  CHECK(small->closed == 0); // whoever drops a slot has closed it before
}

TEST_CASE_METHOD(fixture, "what is left after a move may be destroyed, assigned and asked", "[any_slot]") {
  std::optional<any_slot> a(make_small());
  any_slot b(std::move(*a));
  CHECK_FALSE(a->target<small_slot>());
  a.reset();
  b.close();
  CHECK(small->closed == 1);
  CHECK(small->alive == 1);
}

TEST_CASE_METHOD(fixture, "a slot whose move throws is not held", "[any_slot]") {
  throwing_slot s(small);
  CHECK_THROWS_AS(any_slot(std::move(s)), int);
  CHECK(small->alive == 0);
  CHECK(small->closed == 0);
}

TEST_CASE("a slot that can be made of anything is still held as what it is", "[any_slot]") {
  any_slot a(greedy_slot(1));
  any_slot b(std::move(a));
  CHECK(b.target<greedy_slot>());
}

TEST_CASE_METHOD(fixture, "slots of two types share a queue", "[any_slot]") {
  q.queue_slot(make_small());
  q.queue_slot(make_large());
  auto newest = q.try_acquire();
  auto other = q.try_acquire();
  REQUIRE(newest);
  REQUIRE(other);
  CHECK(newest->target<large_slot>());
  CHECK_FALSE(newest->target<small_slot>());
  CHECK(other->target<small_slot>());
  newest.release();
  other.release();
  CHECK(small->closed == 0);
  CHECK(large->closed == 0);
  q.close();
  CHECK(small->closed == 1);
  CHECK(large->closed == 1);
  CHECK(small->alive == 0);
  CHECK(large->alive == 0);
}

TEST_CASE_METHOD(fixture, "a lease on a slot of any type ends as any other", "[any_slot]") {
  auto token = q.queue_slot(make_small());
  auto l = q.try_acquire();
  SECTION("discarded") {
    l.discard();
    CHECK(small->closed == 1);
  }
  SECTION("dropped after a look at its type") {
    CHECK(l->target<small_slot>());
    l = {};
    CHECK(small->closed == 1);
  }
  SECTION("dropped untouched") {
    l = {};
    CHECK(small->closed == 0);
    CHECK(q.snapshot().idle == 1);
  }
  SECTION("retired, then released") {
    token.retire();
    CHECK(small->closed == 0);
    l.release();
    CHECK(small->closed == 1);
  }
  q.close();
  CHECK(small->closed == 1);
  CHECK(small->alive == 0);
}

TEST_CASE_METHOD(fixture, "a caller that waits gets a slot of whichever type comes", "[any_slot]") {
  lease held;
  q.async_acquire([&](error_code ec, lease l) {
    REQUIRE_FALSE(ec);
    held = std::move(l);
  });
  q.queue_slot(make_large());
  poll();
  REQUIRE(held);
  large_slot* const in = held->target<large_slot>();
  REQUIRE(in);
  in->state[1] = std::byte(9);
  held.release();
  auto again = q.try_acquire();
  CHECK(again->target<large_slot>() == in);
  CHECK(in->state[1] == std::byte(9));
}

TEST_CASE_METHOD(fixture, "a token tells the fate of a slot of any type", "[any_slot]") {
  auto token = q.queue_slot(make_large());
  std::optional<slot_fate> fate;
  token.async_wait_closed([&](error_code, slot_fate f) { fate = f; });
  CHECK(token.eject());
  CHECK(large->closed == 1);
  CHECK(large->alive == 0); // though the token lives on
  poll();
  CHECK(fate == slot_fate::ejected);
}

TEST_CASE_METHOD(fixture, "one launcher starts workers of several types", "[any_slot]") {
  int made = 0;
  auto start = [&]() -> asio::awaitable<any_slot> {
    if (made++ % 2 == 0)
      co_return any_slot(make_small());
    co_return any_slot(make_large());
  };
  hotslot::launcher<any_slot> starter(q, start);
  std::vector<lease> leases;
  for (int i = 0; i != 2; ++i)
    q.async_acquire([&](error_code ec, lease l) {
      REQUIRE_FALSE(ec);
      leases.push_back(std::move(l));
    });
  poll();
  REQUIRE(leases.size() == 2);
  CHECK(leases[0]->target<small_slot>());
  CHECK(leases[1]->target<large_slot>());
  leases.clear();
  CHECK(small->closed == 1);
  CHECK(large->closed == 1);
}

} // namespace any_slot_test
