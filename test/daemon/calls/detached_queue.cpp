#include "daemon/calls/detached_queue.hpp"

#include "catch.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace hotslot::daemon;
using boost::asio::use_awaitable;
using hotslot::detached_counts;
using namespace std::chrono_literals;

struct fixture {
  struct job;

  explicit fixture(const detached_limits& limits = {})
    : calls(std::make_shared<detached_queue>(io.get_executor(), limits, log)) {}

  bool enter(const std::string& id, std::size_t at_once = 1);
  void end(const std::string& id) { gates.at(id)->cancel(); }
  void drain(std::chrono::steady_clock::time_point until) {
    boost::asio::co_spawn(io, calls->async_drain(until),
                          [this](const std::exception_ptr&) { drained = true; });
  }
  void poll() {
    io.restart();
    io.poll();
  }
  detached_counts counts() const { return calls->counts(*line); }

  boost::asio::io_context io;
  std::ostringstream told;
  logger log{log_level::info, told};
  std::shared_ptr<detached_line> line = std::make_shared<detached_line>("a", "f");
  std::shared_ptr<detached_queue> calls;
  std::vector<std::string> started;
  std::map<std::string, std::unique_ptr<boost::asio::steady_timer>> gates;
  bool drained = false;
};

// Runs until its gate is opened. Its name says how it ends.
struct fixture::job : detached_job {
  job(fixture& f, std::string id)
    : f_(f)
    , id_(std::move(id)) {}

  const std::string& id() const noexcept override { return id_; }

  boost::asio::awaitable<detached_outcome> run() override {
    f_.started.push_back(id_);
    auto& gate = f_.gates[id_];
    gate = std::make_unique<boost::asio::steady_timer>(f_.io, std::chrono::steady_clock::time_point::max());
    bool stopped = false;
    co_await gate->async_wait(boost::asio::as_tuple(use_awaitable));
    stopped = (co_await boost::asio::this_coro::cancellation_state).cancelled() !=
              boost::asio::cancellation_type::none;
    if (stopped)
      co_return detached_outcome::lost;
    if (id_.starts_with("bad"))
      throw std::runtime_error("no");
    co_return id_.starts_with("failing") ? detached_outcome::failed : detached_outcome::succeeded;
  }

  fixture& f_;
  const std::string id_;
};

bool fixture::enter(const std::string& id, std::size_t at_once) {
  auto place = calls->reserve(line, 10);
  return place && calls->enter(std::move(*place), std::make_unique<job>(*this, id), at_once);
}

using names = std::vector<std::string>;

} // namespace

TEST_CASE("detached calls run in order, so many at once") {
  fixture f;
  for (const auto* id : {"one", "two", "three", "four"})
    CHECK(f.enter(id, 2));
  CHECK(f.started.empty()); // not while they are entered
  f.poll();
  CHECK(f.started == names{"one", "two"});
  CHECK(f.counts().waiting == 2);
  CHECK(f.counts().running == 2);
  f.end("two");
  f.poll();
  CHECK(f.started == names{"one", "two", "three"});
  for (const auto* id : {"one", "three"})
    f.end(id);
  f.poll();
  f.end("four");
  f.poll();
  CHECK(f.counts().succeeded == 4);
  CHECK(f.counts().running == 0);
  CHECK(f.enter("later", 2));
  f.poll();
  CHECK(f.started.back() == "later");
  f.end("later");
  f.poll();
}

TEST_CASE("a detached call that throws has failed, and the next one runs") {
  fixture f;
  for (const auto* id : {"bad", "failing", "good"})
    f.enter(id);
  for (const auto* id : {"bad", "failing", "good"}) {
    f.poll();
    f.end(id);
  }
  f.poll();
  CHECK(f.counts().failed == 2);
  CHECK(f.counts().succeeded == 1);
  CHECK(f.told.str().find("msg=\"detached call failed\" call=bad reason=no") != std::string::npos);
}

TEST_CASE("so many detached calls wait, and no more") {
  fixture f({.waiting = 2, .bytes = 1000});
  CHECK(f.enter("one"));
  f.poll(); // it runs, and does not wait any more
  CHECK(f.enter("two"));
  {
    const auto reading = f.calls->reserve(f.line, 10);
    CHECK(reading);
    CHECK_FALSE(f.enter("three"));
  }
  CHECK(f.enter("three")); // the place was given back
  CHECK(f.counts().refused == 1);
  CHECK(f.counts().accepted == 3);
  f.calls->set_limits({.waiting = 3, .bytes = 1000});
  CHECK(f.enter("four"));
  f.drain({});
  f.poll();
}

TEST_CASE("bodies of detached calls count until their calls end") {
  fixture f({.waiting = 100, .bytes = 25});
  CHECK(f.enter("one"));
  f.poll();
  {
    auto place = f.calls->reserve(f.line, 10);
    REQUIRE(place);
    CHECK(place->grow(5));
    CHECK_FALSE(place->grow(1));
  }
  CHECK_FALSE(f.calls->reserve(f.line, 16));
  f.end("one");
  f.poll();
  CHECK(f.calls->reserve(f.line, 25));
  CHECK(f.counts().refused == 2);
}

TEST_CASE("a drain of nothing ends at once, and nothing comes after it") {
  fixture f;
  f.drain(std::chrono::steady_clock::time_point::max());
  f.poll();
  CHECK(f.drained);
  CHECK_FALSE(f.enter("one"));
}

// 14.17
TEST_CASE("a call that has its place, and comes when a drain has ended, is refused") {
  fixture f;
  auto place = f.calls->reserve(f.line, 10);
  REQUIRE(place);
  f.drain(std::chrono::steady_clock::time_point::max());
  f.poll();
  CHECK(f.drained);
  CHECK_FALSE(f.calls->enter(std::move(*place), std::make_unique<fixture::job>(f, "one"), 1));
  f.poll();
  CHECK(f.started.empty());
  CHECK(f.counts().refused == 1);
  CHECK(f.counts().accepted == 0);
}

TEST_CASE("a drain ends with the last call") {
  fixture f;
  f.enter("one");
  f.enter("two");
  f.drain(std::chrono::steady_clock::time_point::max());
  f.poll();
  CHECK_FALSE(f.drained);
  f.end("one");
  f.poll();
  CHECK_FALSE(f.drained);
  f.end("two");
  f.poll();
  CHECK(f.drained);
  CHECK(f.counts().succeeded == 2);
}

TEST_CASE("what a drain does not wait for is lost, and told by id") {
  for (const bool cut : {false, true}) {
    fixture f;
    for (const auto* id : {"one", "two", "three"})
      f.enter(id);
    f.poll();
    f.drain(cut ? std::chrono::steady_clock::time_point::max() : std::chrono::steady_clock::now());
    if (cut)
      f.calls->cut();
    f.poll();
    CHECK(f.drained);
    CHECK(f.started == names{"one"});
    CHECK(f.counts().lost == 3);
    CHECK(f.counts().waiting == 0);
    CHECK(f.counts().running == 0);
    CHECK_FALSE(f.enter("four"));
    for (const auto* id : {"one", "two", "three"})
      CHECK(f.told.str().find("msg=\"detached call lost\" app=a fn=f call=" + std::string(id)) !=
            std::string::npos);
  }
}
