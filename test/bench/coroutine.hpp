// Runs a benchmark whose loop is a coroutine's.
#ifndef HOTSLOT_TEST_BENCH_COROUTINE_HPP
#define HOTSLOT_TEST_BENCH_COROUTINE_HPP

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <utility>

namespace hotslot::bench {

/// Runs `io` until the coroutine, and whatever else it has to do, has ended.
template <class Executor>
void run(boost::asio::io_context& io, boost::asio::awaitable<void, Executor> coroutine) {
  boost::asio::co_spawn(io.get_executor(), std::move(coroutine), [](std::exception_ptr e) {
    if (e)
      std::rethrow_exception(e);
  });
  io.run();
}

} // namespace hotslot::bench

#endif
