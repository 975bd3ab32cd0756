// Threads that run the server's context.
#include "daemon/service/run_threads.hpp"

#include "catch.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <latch>
#include <stdexcept>
#include <string>

namespace {

namespace asio = boost::asio;
using hotslot::daemon::run_threads;

std::string what_of(const std::exception_ptr& e) {
  try {
    std::rethrow_exception(e);
  } catch (const std::exception& thrown) {
    return thrown.what();
  }
}

} // namespace

// 14.29
TEST_CASE("a handler that throws ends all threads, whichever it was on") {
  for (const std::size_t threads : {1, 2, 4}) {
    for (std::size_t thrower = 0; thrower < threads; ++thrower) {
      asio::io_context io;
      asio::steady_timer never(io, asio::steady_timer::time_point::max());
      never.async_wait([](const auto&) {});
      std::latch all_run(static_cast<std::ptrdiff_t>(threads));
      for (std::size_t i = 0; i < threads; ++i)
        asio::post(io, [&, i] {
          all_run.arrive_and_wait(); // on a thread of its own each
          if (i == thrower)
            throw std::runtime_error("thrown");
        });
      const auto thrown = run_threads(io, threads);
      REQUIRE(thrown);
      CHECK(what_of(thrown) == "thrown");
    }
  }
}

TEST_CASE("threads end when there is nothing to do") {
  asio::io_context io;
  std::atomic<int> done = 0;
  for (int i = 0; i < 100; ++i)
    asio::post(io, [&] { ++done; });
  CHECK_FALSE(run_threads(io, 3));
  CHECK(done == 100);
}
