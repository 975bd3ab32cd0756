// What part of a core is spent on the ageing of idle slots: 100 000 in 1 000 keys, each with its launcher.
#include "worker.hpp"

#include <hotslot/launcher.hpp>
#include <hotslot/slot_queue.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <memory>
#include <vector>

namespace hotslot::bench {
namespace {

using namespace std::chrono_literals;

constexpr int keys = 1'000, slots_each = 100;
constexpr std::chrono::milliseconds idle_timeout = 30s;

double processor_seconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

struct key {
  explicit key(asio::io_context& io)
    : queue(io)
    , launcher(queue, []() -> asio::awaitable<worker> { co_return worker{1}; },
               {.idle_timeout = idle_timeout}) {}

  slot_queue<worker> queue;
  hotslot::launcher<worker> launcher;
};

// The slots come evenly within one timeout; within the next one all of them end, as evenly.
double share_of_a_core() {
  asio::io_context io(1);
  std::vector<std::unique_ptr<key>> all;
  for (int k = 0; k != keys; ++k)
    all.push_back(std::make_unique<key>(io));
  asio::steady_timer tick(io);
  for (int n = 0; n != slots_each; ++n) {
    for (auto& k : all)
      k->queue.queue_slot({1});
    tick.expires_after(idle_timeout / slots_each);
    tick.async_wait([&](boost::system::error_code) { io.stop(); });
    io.restart();
    io.run();
  }
  const double before = processor_seconds();
  constexpr auto measured = 15s;
  io.restart();
  io.run_for(measured);
  const double used = processor_seconds() - before;
  for (auto& k : all)
    k->queue.close();
  io.restart();
  io.run();
  return used / std::chrono::duration<double>(measured).count();
}

} // namespace
} // namespace hotslot::bench

int main() { std::printf("%.5f\n", hotslot::bench::share_of_a_core()); }
