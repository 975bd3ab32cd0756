// Step 5 of the tutorial: what goes on in a pool, in figures, on a page and as metrics.
//
//   watching [PORT]
#include <hotslot/http/stats_server.hpp>
#include <hotslot/launcher.hpp>

#include <boost/asio.hpp>

#include <iostream>
#include <string>

namespace asio = boost::asio;
using namespace std::chrono_literals;

asio::awaitable<void> pause(std::chrono::milliseconds time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  co_await timer.async_wait(asio::use_awaitable);
}

struct checker {
  asio::awaitable<void> check() { co_await pause(30ms); }
  void close() noexcept {}
};
using pool = hotslot::slot_queue<checker>;
using launcher = hotslot::launcher<checker>;

asio::awaitable<checker> load_checker() {
  co_await pause(300ms);
  co_return checker();
}

// A caller: now and then it has a word to check.
asio::awaitable<void> call(pool checkers, std::chrono::milliseconds every) {
  while (checkers.is_open()) {
    auto [ec, lease] = co_await checkers.async_acquire(5s, asio::as_tuple(asio::use_awaitable));
    if (ec)
      continue;
    co_await lease->check();
    lease.release();
    co_await pause(every);
  }
}

hotslot::named_queue_snapshot snapshot(const pool& checkers, const launcher& starts) {
  return {.key = "checkers",
          .app = "tutorial",
          .name = "checkers",
          .trigger = "",
          .id = "",
          .queue = checkers.snapshot(),
          .failure = starts.failure_now()};
}

hotslot::queue_detail detail(const pool& checkers, const launcher& starts) {
  hotslot::queue_detail all;
  all.queue = snapshot(checkers, starts);
  all.histograms = checkers.histograms();
  starts.write_to(all);
  return all;
}

hotslot::http::stats_source source(const pool& checkers, const launcher& starts) {
  return {.pool =
              [&] {
                hotslot::pool_snapshot all;
                all.queues.push_back(snapshot(checkers, starts));
                return all;
              },
          .detail =
              [&](std::string_view key) {
                return key == "checkers" ? std::optional(detail(checkers, starts)) : std::nullopt;
              },
          .histograms = [&](std::string_view) { return std::optional(checkers.histograms()); }};
}

void report(const pool& checkers) {
  const hotslot::queue_snapshot now = checkers.snapshot();
  const auto waits = checkers.histograms().wait(hotslot::wait_cause::call);
  std::cout << now.totals.acquired << " calls, " << now.idle + now.busy << " checkers; of those that waited "
            << "for another call, half waited no more than " << waits.percentile(50) / 1ms << " ms"
            << std::endl;
}

asio::awaitable<void> report_after_a_while(const pool& checkers) {
  while (checkers.is_open() && checkers.snapshot().totals.acquired < 100)
    co_await pause(100ms);
  report(checkers);
}

int main(int argc, char** argv) {
  asio::io_context io(1);
  pool checkers(io);
  launcher starts(checkers, load_checker, {.max_workers = 2});

  hotslot::http::stats_server stats(io.get_executor(), source(checkers, starts));
  const auto port = static_cast<std::uint16_t>(argc > 1 ? std::stoi(argv[1]) : 8088);
  std::cout << "see http://" << stats.listen({asio::ip::address_v4::loopback(), port}) << "/" << std::endl;
  stats.start();

  for (int n = 1; n <= 4; ++n)
    asio::co_spawn(io, call(checkers, n * 10ms), asio::detached);
  asio::co_spawn(io, report_after_a_while(checkers), asio::detached);

  asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&](auto, int) {
    stats.drain(1s);
    checkers.close();
  });
  io.run();
}
