// A slot that comes back while a caller waits for it.
#include "allocations.hpp"
#include "coroutine.hpp"
#include "references.hpp"
#include "worker.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include <thread>

namespace hotslot::bench {
namespace {

using coroutine = asio::awaitable<void, asio::io_context::executor_type>;
using use_coroutine = asio::use_awaitable_t<asio::io_context::executor_type>;
using time_point = queue::time_point;

// Two callers share one slot, so that whoever gives it back hands it to the other, who waits.
coroutine measure(benchmark::State& state, queue q, time_point deadline) {
  for (int warm = 0; warm < 100; ++warm)
    co_await q.async_acquire(deadline, use_coroutine());
  {
    const counted_allocations counted(state);
    for (auto _ : state) {
      auto lease = co_await q.async_acquire(deadline, use_coroutine());
      lease.release();
    }
  }
  q.close();
}

coroutine other(queue q, time_point deadline) {
  for (;;) {
    auto [ec, lease] = co_await q.async_acquire(deadline, asio::as_tuple(use_coroutine()));
    if (ec)
      co_return;
    lease.release();
  }
}

void hand_over(benchmark::State& state, time_point deadline, int threads) {
  asio::io_context io(threads);
  queue q(io);
  asio::cancellation_signal one, two;
  q.queue_slot({1});
  asio::co_spawn(io, other(q, deadline), asio::bind_cancellation_slot(two.slot(), asio::detached));
  asio::co_spawn(io, measure(state, q, deadline), asio::bind_cancellation_slot(one.slot(), asio::detached));
  std::vector<std::jthread> others;
  for (int i = 1; i < threads; ++i)
    others.emplace_back([&] { io.run(); });
  io.run();
}

time_point soon() { return queue::clock_type::now() + std::chrono::hours(1); }

void handoff(benchmark::State& state) { hand_over(state, soon(), 1); }
BENCHMARK(handoff);

void handoff_no_deadline(benchmark::State& state) { hand_over(state, time_point::max(), 1); }
BENCHMARK(handoff_no_deadline)->Name("handoff/no_deadline");

void handoff_threads(benchmark::State& state) { hand_over(state, soon(), 2); }
BENCHMARK(handoff_threads)->UseRealTime()->Name("handoff_threads");

coroutine post_again(benchmark::State& state, asio::io_context& io) {
  const counted_allocations counted(state);
  for (auto _ : state)
    co_await asio::post(io, use_coroutine());
}

void floor_post(benchmark::State& state) {
  asio::io_context io(1);
  run(io, post_again(state, io));
}
BENCHMARK(floor_post)->Name("floor_post");

// Two queues, since a thread that gives a slot back and asks again would mostly get its own.
void condvar_threads(benchmark::State& state) {
  condvar_queue there, back;
  constexpr std::uint64_t end = ~std::uint64_t{0};
  std::jthread peer([&] {
    for (;;) {
      const auto slot = there.acquire().slot;
      if (slot == end)
        return;
      back.queue(slot);
    }
  });
  for (auto _ : state) {
    there.queue(1);
    benchmark::DoNotOptimize(back.acquire());
  }
  there.queue(end);
  state.SetItemsProcessed(2 * state.iterations());
}
BENCHMARK(condvar_threads)->UseRealTime()->Name("condvar_threads/there_and_back");

} // namespace
} // namespace hotslot::bench
