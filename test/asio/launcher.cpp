#include <hotslot/launcher.hpp>

#include "catch.hpp"
#include "test_slot.hpp"

#include <boost/asio.hpp>

#include <deque>
#include <optional>
#include <vector>

namespace launcher_test {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using hotslot::errc;
using hotslot::error_code;
using hotslot::launcher;
using hotslot::launcher_options;
using hotslot::queue_state;
using hotslot::resource_tracker;
using hotslot::resources;
using queue = hotslot::slot_queue<test_slot>;
using lease = hotslot::lease<test_slot>;

// Starts that stay outstanding until the test ends them.
class stepped_factory {
 public:
  explicit stepped_factory(asio::io_context& io)
    : io_(io) {}

  asio::awaitable<test_slot> operator()() {
    auto step = std::make_shared<asio::steady_timer>(io_, asio::steady_timer::time_point::max());
    starting_.push_back(step);
    ++begun_;
    auto [ec] = co_await step->async_wait(asio::as_tuple(asio::use_awaitable));
    if (std::erase(starting_, step) != 0) // not ended by the test: cancelled
      throw boost::system::system_error(ec);
    if (failing_)
      throw boost::system::system_error(failing_, "no luck");
    co_return test_slot(++made_);
  }

  void finish_one() {
    auto step = starting_.front();
    starting_.pop_front();
    step->cancel();
  }
  void fail_with(error_code ec) { failing_ = ec; }

  std::size_t under_way() const { return starting_.size(); }
  int begun() const { return begun_; }

 private:
  asio::io_context& io_;
  std::deque<std::shared_ptr<asio::steady_timer>> starting_;
  error_code failing_;
  int begun_ = 0;
  int made_ = 0;
};

struct fixture {
  asio::io_context io{1};
  queue q{io};
  stepped_factory factory{io};

  launcher<test_slot> start(launcher_options options = {}, std::optional<resource_tracker> tracker = {}) {
    return launcher<test_slot>(
        q, [this] { return factory(); }, std::move(options), std::move(tracker));
  }
  void poll() {
    io.restart();
    io.poll();
  }
  void run() {
    io.restart();
    io.run_for(10s);
    CHECK(io.stopped());
  }
  // Runs until `done`, which has to happen.
  template <class Done>
  void run_until(Done done) {
    io.restart();
    while (!done())
      REQUIRE(io.run_one_for(10s) == 1);
  }

  struct outcome {
    std::optional<error_code> ec;
    lease held;
  };
  std::deque<outcome> calls;
  outcome& call() {
    outcome& o = calls.emplace_back();
    q.async_acquire([&o](error_code ec, lease l) {
      o.ec = ec;
      o.held = std::move(l);
    });
    return o;
  }
};

TEST_CASE_METHOD(fixture, "a waiting call starts a worker, and nothing does without one", "[launcher]") {
  auto l = start();
  poll();
  CHECK(factory.under_way() == 0);
  auto& c = call();
  poll();
  CHECK(factory.under_way() == 1);
  CHECK(q.snapshot().count(queue_state::starter) == 1);
  factory.finish_one();
  poll();
  REQUIRE(c.held);
  CHECK(q.snapshot().count(queue_state::starter) == 0);
  CHECK(q.snapshot().totals.launched == 1);
}

TEST_CASE_METHOD(fixture, "weakness 22: as many as are needed start at once, up to the maximum",
                 "[launcher]") {
  auto l = start({.max_workers = 4});
  for (int i = 0; i < 10; ++i)
    call();
  poll();
  CHECK(factory.under_way() == 4);
  for (int i = 0; i < 4; ++i)
    factory.finish_one();
  poll();
  CHECK(factory.begun() == 4);
  CHECK(q.snapshot().busy == 4);
}

TEST_CASE_METHOD(fixture, "weakness 4: serial calls use one worker", "[launcher]") {
  auto l = start();
  call();
  poll();
  factory.finish_one();
  poll();
  for (int i = 0; i < 5; ++i) {
    calls.back().held.release();
    auto& c = call();
    poll();
    CHECK(c.held);
  }
  CHECK(factory.begun() == 1);
}

TEST_CASE_METHOD(fixture, "a start goes on when its caller has gone, and the pool adopts it", "[launcher]") {
  auto l = start();
  call();
  poll();
  q.cancel();
  poll();
  CHECK(factory.under_way() == 1);
  factory.finish_one();
  poll();
  CHECK(q.snapshot().idle == 1);
}

TEST_CASE_METHOD(fixture, "weakness 9: a failed start ends waits with its error and is never a slot",
                 "[launcher]") {
  std::vector<hotslot::launch_failure> failures;
  auto l = start({.max_workers = 2,
                  .idle_timeout = 30s,
                  .starts = {.backoff = {.first = 1ms, .most = 4ms}},
                  .failures_end = hotslot::failure_scope::one,
                  .on_failure = [&](const auto& f) { failures.push_back(f); }});
  factory.fail_with(asio::error::connection_refused);
  for (int i = 0; i < 5; ++i)
    call();
  poll();
  factory.finish_one();
  poll();
  CHECK(calls[0].ec == asio::error::connection_refused);
  CHECK_FALSE(calls[1].ec); // another start is under way
  CHECK(factory.under_way() == 1);
  factory.finish_one(); // the last hope of all
  poll();
  for (auto& c : calls)
    CHECK(c.ec == asio::error::connection_refused);
  REQUIRE(failures.size() == 2);
  CHECK(failures[1].in_a_row == 2);
  REQUIRE(l.last_failure());
  CHECK(l.last_failure()->message.find("no luck") != std::string::npos);
  CHECK(q.snapshot().totals.launch_failed == 2);
  CHECK(q.snapshot().totals.failed == 5);
  CHECK(q.is_idle());

  // Backed off, then probed by one start however many wait.
  factory.fail_with({});
  for (int i = 0; i < 3; ++i)
    call();
  poll();
  run_until([&] { return factory.under_way() != 0; });
  poll();
  CHECK(factory.under_way() == 1);
  factory.finish_one();
  run_until([&] { return factory.under_way() != 0; });
  CHECK_FALSE(l.last_failure());
  q.close();
  calls.clear();
  l.stop();
}

TEST_CASE_METHOD(fixture, "idle workers are ended oldest first after the idle timeout", "[launcher]") {
  auto l = start({.idle_timeout = 5ms});
  call();
  call();
  poll();
  factory.finish_one();
  factory.finish_one();
  poll();
  auto closed = calls[0].held.get().closed;
  calls[0].held.release();
  calls[1].held.release();
  run_until([&] { return q.snapshot().idle == 0; });
  CHECK(*closed == 1);
  CHECK(q.snapshot().totals.ejected_idle == 2);
}

TEST_CASE_METHOD(fixture, "closing the queue ends the launcher and the starts under way", "[launcher]") {
  auto l = start();
  call();
  poll();
  CHECK(factory.under_way() == 1);
  q.close();
  std::optional<error_code> drained;
  q.async_drain(queue::time_point::max(), [&](error_code ec) { drained = ec; });
  run();
  CHECK(factory.under_way() == 0);
  CHECK(drained == error_code());
  CHECK(calls[0].ec == errc::queue_closed);
}

TEST_CASE_METHOD(fixture, "a worker's resources are reserved, awaited, and given back", "[launcher]") {
  resource_tracker tracker(resources{.memory_mb = 250, .cpu_milli = 1000});
  auto l = start({.per_worker = {.memory_mb = 100, .cpu_milli = 0}}, tracker);
  for (int i = 0; i < 4; ++i)
    call();
  poll();
  CHECK(factory.under_way() == 2);
  CHECK(q.snapshot().resource_waiters == 2);
  factory.finish_one();
  poll();
  REQUIRE(calls[0].held);
  calls[0].held.discard();
  poll();
  CHECK(factory.under_way() == 2);
  CHECK(q.snapshot().resource_waiters == 1);
  CHECK(tracker.taken().memory_mb == 200);
  q.close();
  run();
  CHECK(tracker.taken().memory_mb == 0);
}

TEST_CASE_METHOD(fixture, "a worker that could never be had is refused at once", "[launcher]") {
  auto l = start({.per_worker = {.memory_mb = 100, .cpu_milli = 0}},
                 resource_tracker(resources{.memory_mb = 50, .cpu_milli = 1000}));
  auto& c = call();
  poll();
  CHECK(c.ec == errc::resources_impossible);
  q.close();
}

struct mortal_slot {
  std::shared_ptr<asio::steady_timer> life;
  void close() noexcept { life->cancel(); }
  asio::awaitable<void> wait_gone() { return wait(life); }
  static asio::awaitable<void> wait(std::shared_ptr<asio::steady_timer> life) {
    co_await life->async_wait(asio::as_tuple(asio::use_awaitable));
  }
};

TEST_CASE("weakness 11: a worker that goes away by itself is noticed while it is idle", "[launcher]") {
  asio::io_context io{1};
  hotslot::slot_queue<mortal_slot> q(io);
  auto life = std::make_shared<asio::steady_timer>(io, asio::steady_timer::time_point::max());
  launcher<mortal_slot> l(q, [&]() -> asio::awaitable<mortal_slot> { co_return mortal_slot{life}; });
  q.async_acquire([](error_code, auto lease) { lease.release(); });
  io.poll();
  CHECK(q.snapshot().idle == 1);
  life->cancel(); // dies
  io.restart();
  io.poll();
  CHECK(q.snapshot().idle == 0);
  CHECK(q.snapshot().totals.ejected_gone == 1);
  q.close();
  io.restart();
  io.run_for(10s);
  CHECK(io.stopped());
}

// What it may not keep then, AddressSanitizer sees.
TEST_CASE("a launcher may outlive a context in which it never ran", "[launcher]") {
  std::optional<asio::io_context> io(1);
  hotslot::slot_queue<test_slot> q(*io);
  const launcher<test_slot> l(q, []() -> asio::awaitable<test_slot> { co_return test_slot(1); });
  io.reset();
  CHECK_FALSE(l.last_failure());
}

} // namespace launcher_test
