// Counts what a benchmark allocates.
#ifndef HOTSLOT_TEST_BENCH_ALLOCATIONS_HPP
#define HOTSLOT_TEST_BENCH_ALLOCATIONS_HPP

#include <benchmark/benchmark.h>

#include <cstdint>

namespace hotslot::bench {

struct allocation_count {
  std::uint64_t calls = 0;
  std::uint64_t bytes = 0;
};

/// What this process has allocated so far, on all threads.
allocation_count allocated() noexcept;

/// From its construction to its end, as counters of `state` per iteration. To be made when everything is
/// warm.
class counted_allocations {
 public:
  explicit counted_allocations(benchmark::State& state) noexcept
    : state_(state)
    , before_(allocated()) {}
  counted_allocations(const counted_allocations&) = delete;
  ~counted_allocations() {
    const allocation_count now = allocated();
    set("allocs", now.calls - before_.calls);
    set("bytes", now.bytes - before_.bytes);
  }

 private:
  void set(const char* name, std::uint64_t n) {
    state_.counters[name] = benchmark::Counter(static_cast<double>(n), benchmark::Counter::kAvgIterations);
  }

  benchmark::State& state_;
  allocation_count before_;
};

} // namespace hotslot::bench

#endif
