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

// An io_context that has to look at a timer or a socket, as that of every server has, asks the system for
// what is ready between one handler and the next. So does this one, and that of the floor.
class busy_context {
 public:
  explicit busy_context(int threads)
    : io(threads)
    , timer_(io, std::chrono::hours(24)) {
    timer_.async_wait([](error_code) {});
  }
  asio::io_context io;

  void end() { timer_.cancel(); }

 private:
  asio::steady_timer timer_;
};

// Two callers share one slot, so that whoever gives it back hands it to the other, who waits.
coroutine measure(benchmark::State& state, busy_context& context, queue q, time_point deadline) {
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
  context.end();
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
  busy_context context(threads);
  auto& io = context.io;
  queue q(io);
  asio::cancellation_signal one, two;
  q.queue_slot({1});
  asio::co_spawn(io, other(q, deadline), asio::bind_cancellation_slot(two.slot(), asio::detached));
  asio::co_spawn(io, measure(state, context, q, deadline),
                 asio::bind_cancellation_slot(one.slot(), asio::detached));
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

coroutine post_again(benchmark::State& state, busy_context& context) {
  {
    const counted_allocations counted(state);
    for (auto _ : state)
      co_await asio::post(context.io, use_coroutine());
  }
  context.end();
}

void floor_post(benchmark::State& state) {
  busy_context context(1);
  run(context.io, post_again(state, context));
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
}
BENCHMARK(condvar_threads)->UseRealTime()->Name("condvar_threads/there_and_back");

} // namespace
} // namespace hotslot::bench
