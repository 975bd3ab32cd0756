// How long callers wait, by how many workers there are: docs/how-many-workers.md. Calls come as strangers' do
// (Poisson), and take times that differ as much (exponential), so that the result can be compared with what
// queueing theory says.
//
//   load CALLS_PER_SECOND MEAN_MS SECONDS WORKERS...
#include <hotslot/launcher.hpp>

#include <boost/asio.hpp>

#include <cmath>
#include <cstdio>
#include <iostream>
#include <random>
#include <vector>

namespace asio = boost::asio;
using clock_type = std::chrono::steady_clock;
using seconds = std::chrono::duration<double>;
using milliseconds = std::chrono::duration<double, std::milli>;

struct worker {
  void close() noexcept {}
};
using pool = hotslot::slot_queue<worker>;

struct load {
  double calls_per_second;
  double mean_ms;
  double seconds;
};

asio::awaitable<void> sleep_until(clock_type::time_point when) {
  asio::steady_timer timer(co_await asio::this_coro::executor, when);
  co_await timer.async_wait(asio::use_awaitable);
}

asio::awaitable<void> call(pool workers, milliseconds takes) {
  auto lease = co_await workers.acquire();
  lease.get();
  co_await sleep_until(clock_type::now() + std::chrono::duration_cast<clock_type::duration>(takes));
  lease.release();
}

// Calls as they come: each at its time, whether or not those before are done.
asio::awaitable<void> arrive(pool workers, load l, std::mt19937_64& random) {
  std::exponential_distribution<double> gap(l.calls_per_second), length(1 / l.mean_ms);
  const auto end = clock_type::now() + std::chrono::duration_cast<clock_type::duration>(seconds(l.seconds));
  for (auto next = clock_type::now(); next < end;) {
    asio::co_spawn(workers.get_executor(), call(workers, milliseconds(length(random))), asio::detached);
    next += std::chrono::duration_cast<clock_type::duration>(seconds(gap(random)));
    co_await sleep_until(next);
  }
}

// The mean wait of all calls by Erlang's formula C, for a offered load of `a` on `n` workers.
double erlang_wait_ms(double a, unsigned n, double mean_ms) {
  if (a >= n)
    return INFINITY;
  double lost = 1; // Erlang's formula B
  for (unsigned k = 1; k <= n; ++k)
    lost = a * lost / (k + a * lost);
  const double waits = n * lost / (n - a * (1 - lost));
  return waits * mean_ms / (n - a);
}

void measure(load l, unsigned n) {
  asio::io_context io(1);
  std::mt19937_64 random(1);
  {
    pool workers(io);
    for (unsigned k = 0; k != n; ++k)
      workers.queue_slot(worker());
    asio::co_spawn(io, arrive(workers, l, random), [workers](std::exception_ptr) {});
    const auto began = clock_type::now();
    io.run();
    const seconds took = clock_type::now() - began;

    const auto seen = workers.histograms();
    const auto waits = seen.all_waits();
    const auto ms = [](auto t) { return milliseconds(t).count(); };
    std::printf(
        "%7u %5.0f %% %9.0f %% %9.1f %9.1f %9.1f %12.1f\n", n, 100 * seconds(seen.runs.sum()) / took / n,
        100 - 100.0 * static_cast<double>(seen.immediate) / static_cast<double>(waits.count()),
        ms(waits.sum()) / static_cast<double>(waits.count()), ms(waits.percentile(95)),
        ms(waits.percentile(99)), erlang_wait_ms(l.calls_per_second * l.mean_ms / 1000, n, l.mean_ms));
    std::fflush(stdout);
  }
}

int main(int argc, char** argv) {
  if (argc < 5) {
    std::cerr << "usage: load CALLS_PER_SECOND MEAN_MS SECONDS WORKERS..." << std::endl;
    return 2;
  }
  const load l{std::stod(argv[1]), std::stod(argv[2]), std::stod(argv[3])};
  std::printf("offered load: %.1f workers\n", l.calls_per_second * l.mean_ms / 1000);
  std::puts("workers    busy      waited   mean ms    p95 ms    p99 ms  by Erlang C");
  for (int k = 4; k != argc; ++k)
    measure(l, static_cast<unsigned>(std::stoul(argv[k])));
}
