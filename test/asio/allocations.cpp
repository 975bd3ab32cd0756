// A check-out of an idle slot allocates nothing.
#include "catch.hpp"
#include "test_slot.hpp"

#include <hotslot/slot_queue_manager.hpp>

#include <boost/asio.hpp>

#include <atomic>
#include <cstdlib>
#include <new>
#include <string>

namespace {

std::atomic<std::uint64_t> allocations = 0;

void* counted(std::size_t n) {
  ++allocations;
  if (void* p = std::malloc(n))
    return p;
  throw std::bad_alloc();
}

} // namespace

void* operator new(std::size_t n) { return counted(n); }
void* operator new[](std::size_t n) { return counted(n); }
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t) noexcept { std::free(p); }

namespace asio = boost::asio;

TEST_CASE("to take an idle slot and to give it back allocates nothing") {
  asio::io_context io(1);
  hotslot::slot_queue<test_slot> q(io);
  hotslot::slot_queue_manager<test_slot> manager(io);
  q.queue_slot(test_slot(1));
  manager.get("key").value.queue_slot(test_slot(2));
  const std::string_view key = "key";
  std::uint64_t plain = 0, of_manager = 0, awaited = 0;
  const auto take = [&]() -> asio::awaitable<void> {
    auto before = allocations.load();
    for (int n = 0; n < 100; ++n)
      q.try_acquire().release();
    plain = allocations - before;
    before = allocations;
    for (int n = 0; n < 100; ++n)
      manager.try_acquire(key).release();
    of_manager = allocations - before;
    for (int n = 0; n < 101; ++n) { // the frame of the first is used again
      auto lease = co_await q.acquire();
      lease.release();
      if (n == 0)
        before = allocations;
    }
    awaited = allocations - before;
  };
  asio::co_spawn(io, take(), asio::detached);
  io.run();
  CHECK(plain == 0);
  CHECK(of_manager == 0);
  CHECK(awaited == 0);
}
