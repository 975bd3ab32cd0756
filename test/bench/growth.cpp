// What a queue's operations cost where it holds many slots or callers.
#include "allocations.hpp"
#include "worker.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <cstddef>
#include <memory>
#include <random>
#include <stdexcept>
#include <vector>

namespace hotslot::bench {
namespace {

using lease_type = queue::lease_type;

// Waits, keeps what it gets, and waits again.
class callers {
 public:
  callers(queue& q, std::int64_t n)
    : queue_(q) {
    for (std::int64_t i = 0; i < n; ++i)
      wait();
  }
  callers(const callers&) = delete;

  std::uint64_t woken() const noexcept { return woken_; }
  lease_type take() noexcept { return std::move(lease_); }

 private:
  void wait() {
    queue_.async_acquire([this](error_code ec, lease_type lease) {
      if (ec)
        return;
      ++woken_;
      lease_ = std::move(lease);
      wait();
    });
  }

  queue& queue_;
  lease_type lease_;
  std::uint64_t woken_ = 0;
};

void wake_growth(benchmark::State& state) {
  asio::io_context io(1);
  queue q(io);
  callers waiting(q, state.range(0));
  q.queue_slot({1});
  io.poll();
  {
    const counted_allocations counted(state);
    for (auto _ : state) {
      waiting.take().release();
      io.poll();
    }
  }
  if (waiting.woken() != static_cast<std::uint64_t>(state.iterations()) + 1)
    throw std::logic_error("a slot woke another number of callers than one");
  q.close();
  io.poll();
}
BENCHMARK(wake_growth)->RangeMultiplier(10)->Range(1, 100'000);

void eject_growth(benchmark::State& state) {
  asio::io_context io(1);
  queue q(io);
  const auto n = static_cast<std::size_t>(state.range(0));
  std::vector<queue::token_type> tokens;
  tokens.reserve(n);
  for (std::size_t i = 0; i < n; ++i)
    tokens.push_back(q.queue_slot({i}));
  // Who ejects has its token at hand: that it is fetched from among so many is not the queue's cost.
  std::minstd_rand random;
  std::size_t next = random() % n;
  for (auto _ : state) {
    auto& token = tokens[next];
    next = random() % n;
    __builtin_prefetch(&tokens[next]);
    benchmark::DoNotOptimize(token.eject());
    token = q.queue_slot({0});
  }
}
BENCHMARK(eject_growth)->RangeMultiplier(10)->Range(10, 1'000'000);

// The same accesses to memory without a queue: how much of the growth is the cache's.
void memory_growth(benchmark::State& state) {
  struct node {
    node* next;
    node* previous;
    std::uint64_t rest[4];
  };
  const auto n = static_cast<std::size_t>(state.range(0));
  node head{};
  head.next = head.previous = &head;
  const auto add = [&] {
    auto* x = new node;
    x->previous = head.previous;
    x->next = &head;
    x->previous->next = head.previous = x;
    return x;
  };
  const auto remove = [](node* x) {
    x->previous->next = x->next;
    x->next->previous = x->previous;
    delete x;
  };
  std::vector<node*> nodes;
  for (std::size_t i = 0; i < n; ++i)
    nodes.push_back(add());
  std::minstd_rand random;
  for (auto _ : state) {
    node*& x = nodes[random() % n];
    remove(x);
    x = add();
  }
  for (node* x : nodes)
    delete x;
}
BENCHMARK(memory_growth)->RangeMultiplier(10)->Range(10, 1'000'000)->Name("floor_eject_growth");

void cancel_growth(benchmark::State& state) {
  asio::io_context io(1);
  queue q(io);
  const auto n = static_cast<std::size_t>(state.range(0));
  const auto signals = std::make_unique<asio::cancellation_signal[]>(n);
  const auto wait = [&](std::size_t i) {
    q.async_acquire(asio::bind_cancellation_slot(signals[i].slot(), [](error_code, lease_type) {}));
  };
  for (std::size_t i = 0; i < n; ++i)
    wait(i);
  std::minstd_rand random;
  for (auto _ : state) {
    const std::size_t i = random() % n;
    signals[i].emit(asio::cancellation_type::terminal);
    io.poll();
    wait(i);
  }
  q.close();
  io.poll();
}
BENCHMARK(cancel_growth)->RangeMultiplier(10)->Range(1, 100'000);

} // namespace
} // namespace hotslot::bench
