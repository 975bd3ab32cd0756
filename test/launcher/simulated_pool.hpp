// Queues with launchers on virtual time: workers that take time to start, to run and to end.
#ifndef HOTSLOT_TEST_LAUNCHER_SIMULATED_POOL_HPP
#define HOTSLOT_TEST_LAUNCHER_SIMULATED_POOL_HPP

#include "../sim/scheduler.hpp"
#include "../sim/traits.hpp"
#include "catch.hpp"

#include <hotslot/launcher.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <vector>

using namespace std::chrono_literals;

namespace asio = boost::asio;
namespace sim = hotslot::sim;

using hotslot::error_code;
using hotslot::failure_scope;
using hotslot::launcher_options;
using hotslot::resources;
using nanoseconds = std::chrono::nanoseconds;

using executor = asio::any_io_executor;
using sim_traits = sim::traits<hotslot::no_hook>;
using tracker = hotslot::basic_resource_tracker<executor, sim::mutex>;

/// What became of one worker.
struct worker_record {
  int closes = 0;
  int pauses = 0;
  bool paused = false;
  bool used_while_paused = false;
  sim::clock::time_point born{};
  sim::clock::time_point closed{};
  std::shared_ptr<sim::timer<executor>> life;
};

class worker_slot {
 public:
  explicit worker_slot(std::shared_ptr<worker_record> r, nanoseconds stop_time)
    : record_(std::move(r))
    , stop_time_(stop_time) {}

  void close() noexcept {
    ++record_->closes;
    record_->closed = sim::clock::now();
    record_->life->cancel();
  }
  void pause() noexcept {
    ++record_->pauses;
    record_->paused = true;
  }
  void resume() noexcept { record_->paused = false; }
  asio::awaitable<void> wait_gone() { return gone(record_->life, stop_time_); }

  const std::shared_ptr<worker_record>& record() const { return record_; }

 private:
  static asio::awaitable<void> gone(std::shared_ptr<sim::timer<executor>> life, nanoseconds stop_time) {
    constexpr auto as_tuple = asio::as_tuple(asio::use_awaitable);
    co_await life->async_wait(as_tuple);
    life->expires_after(stop_time);
    co_await life->async_wait(as_tuple);
  }

  std::shared_ptr<worker_record> record_;
  nanoseconds stop_time_;
};

/// How the workers and calls of one key behave.
struct behaviour {
  nanoseconds start_time = 500ms;
  nanoseconds run_time = 20ms;
  nanoseconds stop_time = 0ms;
  nanoseconds patience = nanoseconds::max(); ///< Of callers.
};

/// One key.
class simulated_key {
 public:
  using queue_type = hotslot::basic_slot_queue<worker_slot, executor, sim_traits>;
  using launcher_type = hotslot::basic_launcher<worker_slot, executor, sim_traits>;

  simulated_key(sim::scheduler& s, behaviour b, launcher_options options = {}, std::optional<tracker> t = {})
    : scheduler_(s)
    , does(b)
    , queue(executor(s.get_executor()))
    , launcher(
          queue,
          [this] {
            if (throws_early)
              throw std::runtime_error("early");
            return start();
          },
          seeded(std::move(options)), std::move(t)) {}

  ~simulated_key() { queue.close(); }

  /// A caller comes, runs its call and goes.
  void call() {
    ++calls;
    asio::co_spawn(scheduler_.make_strand(), run_call(), [](std::exception_ptr e) {
      if (e)
        std::rethrow_exception(e);
    });
  }

  /// A slot that no launcher has started.
  void queue_by_hand() { queue.queue_slot(make_worker()); }

  std::uint64_t alive() const {
    std::uint64_t n = 0;
    for (const auto& w : workers)
      n += w->closes == 0;
    return n;
  }

  /// Of all workers, until now.
  double worker_seconds() const {
    double sum = 0;
    for (const auto& w : workers)
      sum += std::chrono::duration<double>((w->closes ? w->closed : sim::clock::now()) - w->born).count();
    return sum;
  }

  std::vector<std::string> reasons() const {
    hotslot::queue_detail d;
    launcher.write_to(d);
    std::vector<std::string> out;
    for (const auto& x : d.decisions)
      out.push_back(x.reason);
    return out;
  }

 private:
  sim::scheduler& scheduler_;

 public:
  behaviour does;
  bool failing = false;           ///< As `throws`, with a text.
  std::uint32_t fails_of_100 = 0; ///< Starts fail so often.
  bool throws_early = false;      ///< Before there is an awaitable.
  bool stubborn = false;          ///< Starts take no notice of their cancellation.
  std::exception_ptr throws;      ///< By starts, at their end.
  queue_type queue;
  launcher_type launcher;

  std::vector<std::shared_ptr<worker_record>> workers;
  std::vector<sim::clock::time_point> attempts; ///< When starts began.
  std::uint64_t calls = 0;
  std::uint64_t served = 0;
  std::uint64_t refused = 0;
  nanoseconds refused_after{}; ///< The sum.
  error_code last_error;
  sim::clock::time_point last_served{};
  std::vector<nanoseconds> waits;
  std::uint64_t cancelled_starts = 0;

 private:
  std::minstd_rand dice_{7};

  static launcher_options seeded(launcher_options o) {
    o.jitter_seed = 1;
    return o;
  }

  asio::awaitable<void> run_call() {
    const auto begun = sim::clock::now();
    const auto deadline =
        does.patience == nanoseconds::max() ? sim::clock::time_point::max() : begun + does.patience;
    auto [ec, lease] = co_await queue.async_acquire(deadline, asio::as_tuple(asio::use_awaitable));
    waits.push_back(sim::clock::now() - begun);
    if (ec) {
      ++refused;
      refused_after += waits.back();
      last_error = ec;
      co_return;
    }
    auto record = lease->record();
    record->used_while_paused |= record->paused;
    sim::timer<executor> t(co_await asio::this_coro::executor);
    t.expires_after(does.run_time);
    co_await t.async_wait(asio::as_tuple(asio::use_awaitable));
    ++served;
    last_served = sim::clock::now();
    lease.release();
  }

  asio::awaitable<worker_slot> start() {
    attempts.push_back(sim::clock::now());
    sim::timer<executor> t(co_await asio::this_coro::executor);
    t.expires_after(does.start_time);
    if (stubborn)
      co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    auto [ec] = co_await t.async_wait(asio::as_tuple(asio::use_awaitable));
    if (ec) {
      ++cancelled_starts;
      throw boost::system::system_error(ec);
    }
    if (throws)
      std::rethrow_exception(throws);
    if (failing || dice_() % 100 < fails_of_100)
      throw std::runtime_error("no luck");
    co_return make_worker();
  }

  worker_slot make_worker() {
    auto record = std::make_shared<worker_record>();
    record->born = sim::clock::now();
    record->life = std::make_shared<sim::timer<executor>>(executor(scheduler_.get_executor()));
    record->life->expires_at(sim::clock::time_point::max());
    workers.push_back(record);
    return worker_slot(record, does.stop_time);
  }
};

/// Until then from now.
inline void run_for(sim::scheduler& s, nanoseconds t) { s.run_until(sim::clock::now() + t); }

struct pool_fixture {
  sim::scheduler scheduler{1, 0};

  /// Lets `k` have `n` workers that have served a call each, within `time`.
  void idle_workers(simulated_key& k, std::uint64_t n, nanoseconds time = 600ms) {
    for (; n != 0; --n)
      k.call();
    run_for(scheduler, time);
    REQUIRE(k.queue.snapshot().busy == 0);
  }

  /// Has `n` workers, which are there, run a call each for so long.
  void begin_calls(simulated_key& k, std::uint64_t n, nanoseconds run_time) {
    k.does.run_time = run_time;
    for (auto left = n; left != 0; --left)
      k.call();
    run_for(scheduler, 1ms);
    REQUIRE(k.queue.snapshot().busy == n);
  }
};

#endif
