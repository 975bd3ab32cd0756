// Callers on two threads at once.
#include "references.hpp"
#include "worker.hpp"

#include <hotslot/slot_key.hpp>
#include <hotslot/slot_queue_manager.hpp>

#include <benchmark/benchmark.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>

namespace hotslot::bench {
namespace {

using manager = basic_slot_queue_manager<worker, slot_key, asio::io_context::executor_type>;

/// What the threads of one benchmark share; made by the first, before the others begin.
template <class T>
std::unique_ptr<T> shared;

struct two_queues {
  asio::io_context io;
  queue queues[2] = {queue(io), queue(io)};

  two_queues() {
    for (auto& q : queues)
      for (std::uint64_t worker = 0; worker < 2; ++worker)
        q.queue_slot({worker});
  }
};

void check_out(queue& q) {
  auto lease = q.try_acquire();
  benchmark::DoNotOptimize(lease->number);
  lease.release();
}

template <bool Apart>
void threads(benchmark::State& state) {
  if (state.thread_index() == 0)
    shared<two_queues> = std::make_unique<two_queues>();
  queue* q = nullptr;
  for (auto _ : state) {
    if (!q) [[unlikely]] // before, the other thread may not have made it
      q = &shared<two_queues>->queues[Apart ? state.thread_index() : 0];
    check_out(*q);
  }
  state.SetItemsProcessed(state.iterations());
  if (state.thread_index() == 0)
    shared<two_queues>.reset();
}
BENCHMARK(threads<true>)->Name("threads/keys_apart")->ThreadRange(1, 2)->UseRealTime();
BENCHMARK(threads<false>)->Name("threads/one_key")->ThreadRange(1, 2)->UseRealTime();

void threads_condvar(benchmark::State& state) {
  if (state.thread_index() == 0) {
    shared<condvar_queue> = std::make_unique<condvar_queue>();
    shared<condvar_queue>->queue(1);
    shared<condvar_queue>->queue(2);
  }
  for (auto _ : state) {
    auto lease = shared<condvar_queue>->acquire();
    benchmark::DoNotOptimize(lease.slot);
    shared<condvar_queue>->release(lease);
  }
  state.SetItemsProcessed(state.iterations());
  if (state.thread_index() == 0)
    shared<condvar_queue>.reset();
}
BENCHMARK(threads_condvar)->Name("threads/condvar_one_key")->ThreadRange(1, 2)->UseRealTime();

/// Reads the stats of 10 000 queues, again and again, on a thread of its own.
class reader {
 public:
  explicit reader(manager& m)
    : thread_([&m](std::stop_token stop) {
      while (!stop.stop_requested())
        benchmark::DoNotOptimize(m.snapshot());
    }) {}

 private:
  std::jthread thread_;
};

// A caller, while another thread reads the stats of all queues without a pause.
template <bool Watched>
void watched(benchmark::State& state) {
  asio::io_context io;
  manager m(io.get_executor());
  for (int i = 0; i < 10'000; ++i)
    m.get(slot_key::of({std::to_string(i)})).value.queue_slot({1});
  queue q = m.get(slot_key::of({"0"})).value;
  {
    std::optional<reader> r;
    if (Watched)
      r.emplace(m);
    for (auto _ : state)
      check_out(q);
  }
  state.SetItemsProcessed(state.iterations());
  m.close();
}
BENCHMARK(watched<true>)->Name("snapshot/caller_meanwhile")->UseRealTime();
BENCHMARK(watched<false>)->Name("snapshot/caller_alone")->UseRealTime();

} // namespace
} // namespace hotslot::bench
