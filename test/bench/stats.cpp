// What the stats of 10 000 queues cost, and cost those who call meanwhile. Prints one row a line: its name,
// nanoseconds or bytes of it, and of its reference where that was measured too.
#include "worker.hpp"

#include <hotslot/http/stats_routes.hpp>
#include <hotslot/slot_key.hpp>
#include <hotslot/slot_queue_manager.hpp>

#include <malloc.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <new>
#include <random>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace {

// Of all allocations by new: what is there, and the most that was.
std::atomic<std::size_t> in_use = 0;
std::atomic<std::size_t> most = 0;

} // namespace

void* operator new(std::size_t size) {
  void* const p = std::malloc(size);
  if (!p)
    throw std::bad_alloc();
  const std::size_t now =
      in_use.fetch_add(malloc_usable_size(p), std::memory_order_relaxed) + malloc_usable_size(p);
  if (now > most.load(std::memory_order_relaxed))
    most.store(now, std::memory_order_relaxed);
  return p;
}

void operator delete(void* p) noexcept {
  if (p)
    in_use.fetch_sub(malloc_usable_size(p), std::memory_order_relaxed);
  std::free(p);
}

void operator delete(void* p, std::size_t) noexcept { operator delete(p); }

namespace hotslot::bench {
namespace {

using namespace std::chrono_literals;
using manager = basic_slot_queue_manager<worker, slot_key, asio::io_context::executor_type>;

constexpr std::size_t queue_count = 10'000;

double seconds_of(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

/// A pool of which each queue has served calls, at once and after a wait.
class pool {
 public:
  pool()
    : io_(1)
    , manager_(io_.get_executor()) {
    for (std::size_t i = 0; i < queue_count; ++i)
      add("fn" + std::to_string(i));
    io_.run();
    for (const auto& key : keys_)
      manager_.try_acquire(key).release();
  }
  ~pool() { manager_.close(); }

  /// One call of a queue.
  void call(std::size_t i) {
    auto lease = manager_.try_acquire(keys_[i]);
    lease->number += 1;
    lease.release();
  }

  http::stats_source source() const {
    return {.pool = [this] { return snapshot(); },
            .histograms = [this](std::string_view key) -> std::optional<queue_histograms> {
              const auto it = queues_.find(std::string(key));
              return it == queues_.end() ? std::nullopt : std::optional(it->second.histograms());
            }};
  }

 private:
  using queue_type = manager::queue_type;

  void add(std::string name) {
    const auto key = slot_key::of({"app", name});
    queue_type queue = manager_.get(key).value;
    queue.async_acquire([](error_code, queue_type::lease_type lease) { lease.release(); });
    queue.queue_slot({1});
    queues_.emplace(key.hex(), queue);
    keys_.push_back(key);
    names_.push_back(std::move(name));
  }

  pool_snapshot snapshot() const {
    pool_snapshot all;
    all.queues.reserve(queue_count);
    for (std::size_t i = 0; i < queue_count; ++i) {
      const std::string key = keys_[i].hex();
      all.queues.push_back({.key = key,
                            .app = "app",
                            .name = names_[i],
                            .trigger = names_[i],
                            .id = key.substr(0, 26),
                            .queue = queues_.at(key).snapshot()});
    }
    return all;
  }

  asio::io_context io_;
  manager manager_;
  std::unordered_map<std::string, queue_type> queues_;
  std::vector<slot_key> keys_;
  std::vector<std::string> names_;
};

http::request get(std::string_view target, bool gzip = false) {
  http::request req(http::verb::get, boost::beast::string_view(target.data(), target.size()), 11);
  if (gzip)
    req.set(http::field::accept_encoding, "gzip");
  return req;
}

const http::request stats = get("/stats"), metrics = get("/metrics"), zipped_stats = get("/stats", true),
                    zipped_metrics = get("/metrics", true);

void check(const http::response& res) {
  if (res.result() == http::status::ok && res.body().size() > 100'000)
    return;
  std::fputs("no complete answer\n", stderr);
  std::exit(1);
}

double processor_ns(const http::stats_routes& routes, const http::request& req) {
  constexpr int repetitions = 21;
  std::vector<double> all;
  for (int i = 0; i < repetitions; ++i) {
    const double before = seconds_of(CLOCK_THREAD_CPUTIME_ID);
    const auto res = routes.handle(req);
    all.push_back(seconds_of(CLOCK_THREAD_CPUTIME_ID) - before);
    check(res);
  }
  return median(std::move(all)) * 1e9;
}

void tell_memory(const char* name, const http::stats_routes& routes, const http::request& req) {
  const std::size_t before = in_use;
  most = before;
  const auto res = routes.handle(req);
  check(res);
  std::printf("%s %zu %zu\n", name, most - before, res.body().size());
}

/// Asks for both documents ten times a second.
class scraper {
 public:
  explicit scraper(const http::stats_routes& routes)
    : thread_([&routes, this](std::stop_token stop) {
      auto next = std::chrono::steady_clock::now();
      while (!stop.stop_requested()) {
        check(routes.handle(stats));
        check(routes.handle(metrics));
        ++scrapes_;
        next += 100ms;
        std::this_thread::sleep_until(next);
      }
    }) {}

  int end() {
    thread_.request_stop();
    thread_.join();
    return scrapes_;
  }

 private:
  int scrapes_ = 0;
  std::jthread thread_;
};

/// Nanoseconds of a call, of any queue.
double call_ns(pool& p, std::minstd_rand& random) {
  constexpr auto window = 500ms;
  constexpr int batch = 1000;
  const auto begin = std::chrono::steady_clock::now();
  std::size_t calls = 0;
  while (std::chrono::steady_clock::now() - begin < window) {
    for (int i = 0; i < batch; ++i)
      p.call(random() % queue_count);
    calls += batch;
  }
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - begin).count() /
         static_cast<double>(calls);
}

void tell_callers(pool& p, const http::stats_routes& routes) {
  constexpr int rounds = 20;
  std::minstd_rand random;
  std::vector<double> alone, watched;
  int scrapes = 0;
  for (int i = 0; i < rounds; ++i) {
    alone.push_back(call_ns(p, random));
    scraper s(routes);
    watched.push_back(call_ns(p, random));
    scrapes += s.end();
  }
  if (scrapes < rounds * 5) {
    std::fprintf(stderr, "only %d scrapes of each: this machine cannot make ten a second\n", scrapes);
    std::exit(1);
  }
  std::printf("callers %.1f %.1f\n", median(std::move(watched)), median(std::move(alone)));
}

} // namespace
} // namespace hotslot::bench

int main() {
  using namespace hotslot::bench;
  pool p;
  const hotslot::http::stats_routes routes(p.source());
  std::printf("json %.0f\n", processor_ns(routes, stats));
  std::printf("metrics %.0f\n", processor_ns(routes, metrics));
  std::printf("json_gzip %.0f\n", processor_ns(routes, zipped_stats));
  std::printf("metrics_gzip %.0f\n", processor_ns(routes, zipped_metrics));
  tell_memory("json_memory", routes, stats);
  tell_memory("metrics_memory", routes, metrics);
  tell_callers(p, routes);
}
