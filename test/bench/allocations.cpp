#include "allocations.hpp"

#include <atomic>
#include <cerrno>
#include <cstdlib>

// Everything that the C library can be asked for memory by, since Asio does not use `operator new` alone.
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
}

namespace {

std::atomic<std::uint64_t> calls{0};
std::atomic<std::uint64_t> bytes{0};

void count(std::size_t n) noexcept {
  calls.fetch_add(1, std::memory_order_relaxed);
  bytes.fetch_add(n, std::memory_order_relaxed);
}

} // namespace

extern "C" {

void* malloc(std::size_t n) {
  count(n);
  return __libc_malloc(n);
}

void* calloc(std::size_t n, std::size_t size) {
  count(n * size);
  return __libc_calloc(n, size);
}

void* realloc(void* p, std::size_t n) {
  count(n);
  return __libc_realloc(p, n);
}

void* aligned_alloc(std::size_t alignment, std::size_t n) {
  count(n);
  return __libc_memalign(alignment, n);
}

int posix_memalign(void** p, std::size_t alignment, std::size_t n) {
  count(n);
  *p = __libc_memalign(alignment, n);
  return *p ? 0 : ENOMEM;
}

} // extern "C"

namespace hotslot::bench {

allocation_count allocated() noexcept {
  return {calls.load(std::memory_order_relaxed), bytes.load(std::memory_order_relaxed)};
}

} // namespace hotslot::bench
