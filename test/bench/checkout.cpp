// Checking an idle slot out and giving it back.
#include "allocations.hpp"
#include "coroutine.hpp"
#include "references.hpp"
#include "worker.hpp"

namespace hotslot::bench {
namespace {

template <class Queue>
asio::awaitable<void, typename Queue::executor_type> check_out(benchmark::State& state, Queue q) {
  {
    auto warm = co_await q.acquire();
    warm.release();
  }
  const counted_allocations counted(state);
  for (auto _ : state) {
    auto lease = co_await q.acquire();
    benchmark::DoNotOptimize(lease->number);
    lease.release();
  }
}

template <class Queue>
void checkout_idle(benchmark::State& state) {
  asio::io_context io(1);
  Queue q(io);
  q.queue_slot({1});
  run(io, check_out(state, q));
}
BENCHMARK(checkout_idle<queue>)->Name("checkout_idle");
BENCHMARK(checkout_idle<any_queue>)->Name("checkout_idle/any_io_executor");

void checkout_try(benchmark::State& state) {
  asio::io_context io(1);
  queue q(io);
  q.queue_slot({1});
  const counted_allocations counted(state);
  for (auto _ : state) {
    auto lease = q.try_acquire();
    benchmark::DoNotOptimize(lease->number);
    lease.release();
  }
}
BENCHMARK(checkout_try);

void floor_lifo(benchmark::State& state) {
  lifo slots;
  slots.push(1);
  for (auto _ : state) {
    auto slot = slots.pop();
    benchmark::DoNotOptimize(*slot);
    slots.push(*slot);
  }
}
BENCHMARK(floor_lifo)->Name("floor");

void clock_read(benchmark::State& state) {
  for (auto _ : state)
    benchmark::DoNotOptimize(std::chrono::steady_clock::now());
}
BENCHMARK(clock_read)->Name("clock");

void checkout_condvar(benchmark::State& state) {
  condvar_queue slots;
  slots.queue(1);
  for (auto _ : state) {
    auto lease = slots.acquire();
    benchmark::DoNotOptimize(lease.slot);
    slots.release(lease);
  }
}
BENCHMARK(checkout_condvar)->Name("condvar");

asio::awaitable<void> check_out_naively(benchmark::State& state, naive_queue& slots) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::hours(1);
  const counted_allocations counted(state);
  for (auto _ : state) {
    const auto slot = co_await slots.acquire(deadline);
    benchmark::DoNotOptimize(slot);
    slots.queue(slot);
  }
}

void checkout_naive(benchmark::State& state) {
  asio::io_context io(1);
  naive_queue slots(io);
  slots.queue(1);
  run(io, check_out_naively(state, slots));
}
BENCHMARK(checkout_naive)->Name("naive");

} // namespace
} // namespace hotslot::bench
