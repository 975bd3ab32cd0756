// A slot is gone when its close() has returned, whoever waits for that.
#include "../joining_thread.hpp"
#include "catch.hpp"

#include <hotslot/launcher.hpp>

#include <boost/asio.hpp>

#include <future>
#include <memory>
#include <optional>
#include <utility>

namespace slow_close_test {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using hotslot::error_code;
using hotslot::resources;
using hotslot::slot_fate;

// What a test knows of one worker's end.
struct ending {
  std::promise<void> begun, go_on;
  std::atomic<bool> over{false};
};

struct slow_slot {
  std::shared_ptr<ending> end = std::make_shared<ending>();

  void close() noexcept {
    end->begun.set_value();
    end->go_on.get_future().wait();
    end->over = true;
  }
};

// The same, of a worker that is gone as soon as its end has begun.
struct watched_slow_slot : slow_slot {
  asio::awaitable<void> wait_gone() { return gone(life); }

  void close() noexcept {
    asio::post(life->get_executor(), [l = life] { l->cancel(); });
    slow_slot::close();
  }

  static asio::awaitable<void> gone(std::shared_ptr<asio::steady_timer> life) {
    co_await life->async_wait(asio::as_tuple(asio::use_awaitable));
  }

  std::shared_ptr<asio::steady_timer> life;
};

// While one thread is in close(), the others go on.
template <class Close>
class held_up {
 public:
  held_up(std::shared_ptr<ending> end, Close close)
    : end_(std::move(end))
    , thread_(std::move(close)) {
    end_->begun.get_future().wait();
  }
  void go_on() {
    end_->go_on.set_value();
    thread_.join();
  }

 private:
  std::shared_ptr<ending> end_;
  joining_thread thread_;
};

void poll(asio::io_context& io) {
  io.restart();
  io.poll();
}

struct fixture {
  asio::io_context io;
  hotslot::slot_queue<slow_slot> queue{io};
  slow_slot slot;
  hotslot::slot_token<slow_slot> token = queue.queue_slot(slot);
};

TEST_CASE_METHOD(fixture, "a queue has drained when the last close() has returned", "[queue]") {
  const bool by_caller = GENERATE(true, false);
  auto lease = by_caller ? queue.try_acquire() : hotslot::lease<slow_slot>();
  held_up closer(slot.end, [&] { by_caller ? lease.discard() : queue.close(); });
  queue.close();
  std::optional<error_code> drained;
  queue.async_drain(hotslot::slot_queue<slow_slot>::time_point::max(), [&](error_code ec) { drained = ec; });
  poll(io);
  CHECK_FALSE(drained);
  closer.go_on();
  poll(io);
  CHECK(drained == error_code());
}

TEST_CASE_METHOD(fixture, "a slot's fate is known when its close() has returned", "[queue]") {
  std::optional<slot_fate> before, meanwhile, offer;
  token.async_wait_closed([&](error_code, slot_fate f) { before = f; });
  token.async_wait([&](error_code, slot_fate f) { offer = f; });
  held_up closer(slot.end, [&] { token.eject(); });
  token.async_wait_closed([&](error_code, slot_fate f) { meanwhile = f; });
  poll(io);
  CHECK_FALSE(before);
  CHECK_FALSE(meanwhile);
  CHECK_FALSE(offer);
  closer.go_on();
  poll(io);
  CHECK(before == slot_fate::ejected);
  CHECK(meanwhile == slot_fate::ejected);
  CHECK(offer == slot_fate::ejected);
}

TEMPLATE_TEST_CASE("what a worker takes is free when its close() has returned", "[launcher]", slow_slot,
                   watched_slow_slot) {
  asio::io_context io;
  hotslot::slot_queue<TestType> queue(io);
  hotslot::resource_tracker tracker(resources{.memory_mb = 100});
  std::vector<std::shared_ptr<ending>> ends;
  const auto make = [&]() -> asio::awaitable<TestType> {
    TestType made;
    if constexpr (std::is_same_v<TestType, watched_slow_slot>)
      made.life = std::make_shared<asio::steady_timer>(io, asio::steady_timer::time_point::max());
    ends.push_back(made.end);
    co_return made;
  };
  const bool by_maximum = GENERATE(true, false);
  hotslot::launcher_options options;
  if (by_maximum)
    options.max_workers = 1;
  else
    options.per_worker = {.memory_mb = 60};
  hotslot::launcher<TestType> launcher(queue, make, options,
                                       by_maximum ? std::optional<hotslot::resource_tracker>() : tracker);
  hotslot::lease<TestType> first, second;
  queue.async_acquire([&](error_code, auto lease) { first = std::move(lease); });
  poll(io);
  REQUIRE(first);
  held_up closer(ends[0], [&] { first.discard(); });
  queue.async_acquire([&](error_code, auto lease) { second = std::move(lease); });
  poll(io);
  CHECK(ends.size() == 1);
  CHECK(tracker.taken().memory_mb == (by_maximum ? 0 : 60));
  closer.go_on();
  poll(io);
  REQUIRE(ends.size() == 2);
  CHECK(second);
  ends[1]->go_on.set_value();
  second.discard();
}

} // namespace slow_close_test
