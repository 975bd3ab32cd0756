// What a million of each takes: "hotslot-memory NAME" prints the bytes of one.
#include "references.hpp"
#include "worker.hpp"

#include <hotslot/slot_key.hpp>
#include <hotslot/slot_queue_manager.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <malloc.h>

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace hotslot::bench {
namespace {

constexpr std::size_t million = 1'000'000;

/// What is in use of the heap, the heap's own headers included.
std::size_t in_use() {
  const auto info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

template <class Make>
double bytes_each(std::size_t n, Make make) {
  const std::size_t before = in_use();
  for (std::size_t i = 0; i < n; ++i)
    make(i);
  return static_cast<double>(in_use() - before) / static_cast<double>(n);
}

double idle_slot() {
  asio::io_context io;
  any_queue q(io);
  q.queue_slot({0});
  return bytes_each(million, [&](std::size_t i) { q.queue_slot({i}); }) - sizeof(worker);
}

double waiting_callback() {
  asio::io_context io;
  any_queue q(io);
  const auto wait = [&](std::size_t) { q.async_acquire([](error_code, any_queue::lease_type) {}); };
  wait(0);
  return bytes_each(million, wait);
}

asio::awaitable<void> caller(any_queue& q) { co_await q.async_acquire(asio::use_awaitable); }

double waiting_coroutine() {
  asio::io_context io;
  any_queue q(io);
  const auto wait = [&](std::size_t) {
    asio::co_spawn(io, caller(q), asio::detached);
    io.poll();
  };
  wait(0);
  return bytes_each(million, wait);
}

double empty_queue() {
  asio::io_context io;
  std::vector<any_queue> queues;
  queues.reserve(million + 1);
  queues.emplace_back(io);
  return bytes_each(million, [&](std::size_t) { queues.emplace_back(io); }) + sizeof(any_queue);
}

double key_in_manager() {
  asio::io_context io;
  slot_queue_manager<worker, slot_key> m(io.get_executor());
  m.get(slot_key::of({"first"}));
  return bytes_each(100'000, [&](std::size_t i) { m.get(slot_key::of({std::to_string(i)})); });
}

// For comparison: what a queue takes that has had a slot.
double used_queue() {
  asio::io_context io;
  std::vector<any_queue> queues;
  queues.reserve(10'001);
  queues.emplace_back(io);
  return bytes_each(10'000, [&](std::size_t) {
    queues.emplace_back(io);
    queues.back().queue_slot({1}).eject();
  });
}

struct measure {
  std::string_view name;
  double (*bytes)();
};

constexpr measure measures[] = {{"idle_slot", idle_slot},
                                {"waiting_callback", waiting_callback},
                                {"waiting_coroutine", waiting_coroutine},
                                {"empty_queue", empty_queue},
                                {"key_in_manager", key_in_manager},
                                {"used_queue", used_queue}};

} // namespace
} // namespace hotslot::bench

int main(int argc, char** argv) {
  for (const auto& m : hotslot::bench::measures)
    if (argc == 2 && m.name == argv[1]) {
      std::printf("%.1f\n", m.bytes());
      return 0;
    }
  std::fputs("usage: hotslot-memory NAME, one of:\n", stderr);
  for (const auto& m : hotslot::bench::measures)
    std::fprintf(stderr, "  %s\n", std::string(m.name).c_str());
  return 2;
}
