#include "run_threads.hpp"

#include <mutex>
#include <thread>
#include <vector>

namespace hotslot::daemon {

std::exception_ptr run_threads(boost::asio::io_context& io, std::size_t n) {
  std::exception_ptr first;
  std::mutex mutex;
  const auto stop = [&] {
    io.stop();
    const std::lock_guard lock(mutex);
    if (!first)
      first = std::current_exception();
  };
  const auto run = [&] {
    try {
      io.run();
    } catch (...) {
      stop();
    }
  };
  std::vector<std::thread> others;
  try {
    for (std::size_t i = 1; i < n; ++i)
      others.emplace_back(run);
  } catch (...) { // no more threads than these
    stop();
  }
  run();
  for (auto& other : others)
    other.join();
  return first;
}

} // namespace hotslot::daemon
