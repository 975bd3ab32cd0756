// The ways to make a worker, and what callers are told where it cannot be made.
#include <hotslot/launcher.hpp>

#include "catch.hpp"

#include <boost/asio.hpp>

#include <string>
#include <vector>

namespace factories_test {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using hotslot::errc;
using hotslot::error_code;

// Neither default-constructible nor assignable: a slot need be neither.
struct engine {
  explicit engine(int n)
    : number(n) {}
  const int number;
  void close() noexcept {}
};
using queue = hotslot::slot_queue<engine>;
using launcher = hotslot::launcher<engine>;

engine plain() { return engine(1); }
asio::awaitable<engine> coroutine() { co_return engine(2); }

// As an operation of Asio's kind: what it does is done on `ex`, what follows where the caller is.
template <class Result, class Make, class CompletionToken>
auto async_make(const asio::any_io_executor& ex, error_code ec, Make make, CompletionToken&& token) {
  return asio::async_compose<CompletionToken, void(error_code, Result)>(
      [ex, ec, make, made = false](auto& self) mutable {
        if (std::exchange(made, true))
          return self.complete(ec, make());
        const auto there = ex;
        asio::post(there, std::move(self));
      },
      token, ex);
}

struct outcome {
  int number = 0;
  error_code error;
  std::string what;
  bool failure_known = false;
  std::chrono::nanoseconds ago{-1};
};

template <class Factory>
outcome acquire_from(Factory factory, hotslot::launcher_options options = {}) {
  asio::io_context io;
  queue q(io);
  outcome found;
  const auto call = [&]() -> asio::awaitable<void> {
    const launcher l(q, std::move(factory), options);
    try {
      auto lease = co_await q.acquire();
      found.number = lease->number;
      lease.release();
    } catch (const hotslot::lease_error& e) {
      found.error = e.code();
      found.what = e.what();
      found.failure_known = e.last_failure() && e.last_failure()->message == q.last_failure()->message;
      found.ago = e.failed_ago();
    }
    q.close();
  };
  asio::co_spawn(io, call(), asio::detached);
  io.run();
  return found;
}

TEST_CASE("a factory is a plain function, a coroutine, or an operation", "[factories]") {
  CHECK(acquire_from(plain).number == 1);
  CHECK(acquire_from([n = 6]() mutable { return engine(++n); }).number == 7);
  CHECK(acquire_from(coroutine).number == 2);
  CHECK(acquire_from(std::function<asio::awaitable<engine>()>(coroutine)).number == 2);
  asio::io_context other;
  auto work = asio::make_work_guard(other);
  std::thread thread([&] { other.run(); });
  const auto operation = [&](auto token) -> asio::awaitable<engine> {
    // An operation whose result is no slot yet.
    const auto make = [] { return std::make_unique<engine>(3); };
    auto made = co_await async_make<std::unique_ptr<engine>>(other.get_executor(), {}, make, token);
    co_return engine(made->number);
  };
  CHECK(acquire_from(operation).number == 3);
  work.reset();
  thread.join();
}

// One that any Asio library might have: by a token, whichever it is.
struct maker {
  asio::any_io_executor executor;
  error_code fails = {};

  template <class CompletionToken>
  auto operator()(CompletionToken&& token) const {
    return async_make<engine>(
        executor, fails, [] { return engine(4); }, std::forward<CompletionToken>(token));
  }
};

TEST_CASE("an operation that completes with a slot is a factory as it is", "[factories]") {
  asio::io_context other;
  auto work = asio::make_work_guard(other);
  std::thread thread([&] { other.run(); });
  CHECK(acquire_from(maker{other.get_executor()}).number == 4);
  const outcome failed = acquire_from(maker{other.get_executor(), asio::error::connection_refused});
  CHECK(failed.error == asio::error::connection_refused);
  work.reset();
  thread.join();
}

TEST_CASE("a caller without a slot is told of the start that failed", "[factories]") {
  SECTION("a plain function throws") {
    const outcome o = acquire_from([]() -> engine { throw std::runtime_error("no such model"); });
    CHECK(o.error == errc::launch_failed);
    CHECK(o.what.find("no such model") != std::string::npos);
    CHECK(o.what.find("ms ago") != std::string::npos);
    CHECK(o.failure_known);
    CHECK(o.ago >= 0ns);
  }
  SECTION("a coroutine throws") {
    const outcome o = acquire_from([]() -> asio::awaitable<engine> {
      throw boost::system::system_error(asio::error::host_unreachable, "backend");
      co_return engine(0);
    });
    CHECK(o.error == asio::error::host_unreachable);
    CHECK(o.what.find("backend") != std::string::npos);
    CHECK(o.failure_known);
  }
}

TEST_CASE("a deadline that passes while starts fail says so, and a start that succeeds ends it",
          "[factories]") {
  asio::io_context io;
  queue q(io);
  int starts = 0;
  std::vector<std::string> said;
  const auto call = [&]() -> asio::awaitable<void> {
    const launcher l(q,
                     [&]() -> engine {
                       if (++starts == 1)
                         throw std::runtime_error("the backend is down");
                       return engine(starts);
                     },
                     {.failures_end = hotslot::failure_scope::breaker});
    for (const auto limit : {1ms, 1ms})
      try {
        auto lease = co_await q.acquire(limit);
        lease.release();
      } catch (const hotslot::lease_error& e) {
        said.push_back(e.what());
        CHECK(e.code() == errc::deadline_exceeded);
        CHECK(e.last_failure());
      }
    auto lease = co_await q.acquire();
    CHECK(lease->number == 2);
    lease.release();
    CHECK_FALSE(q.last_failure());
    q.close();
    try {
      co_await q.acquire();
    } catch (const hotslot::lease_error& e) {
      CHECK(e.code() == errc::queue_closed);
      CHECK_FALSE(e.last_failure());
      said.push_back(e.what());
    }
  };
  asio::co_spawn(io, call(), asio::detached);
  io.run();
  REQUIRE(said.size() >= 2);
  CHECK(said.front().find("the backend is down") != std::string::npos);
  CHECK(said.back().find("ago") == std::string::npos);
}

} // namespace factories_test
