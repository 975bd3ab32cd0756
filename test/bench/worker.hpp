// The slot of all benchmarks: as small as a slot can be.
#ifndef HOTSLOT_TEST_BENCH_WORKER_HPP
#define HOTSLOT_TEST_BENCH_WORKER_HPP

#include <hotslot/slot_queue.hpp>

#include <boost/asio/io_context.hpp>

namespace hotslot::bench {

namespace asio = boost::asio;

struct worker {
  std::uint64_t number = 0;

  void close() noexcept {}
};

/// What an embedder has who knows the executor; `any_io_executor` is the default, and is measured beside it.
using queue = basic_slot_queue<worker, asio::io_context::executor_type>;
using any_queue = slot_queue<worker>;

} // namespace hotslot::bench

#endif
