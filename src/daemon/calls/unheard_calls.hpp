// Calls that nobody waits for any more, by no fault of their functions.
#pragma once

#include "worker_pool.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace hotslot::daemon {

struct unheard_call {
  std::shared_ptr<worker_pool> pool;
  function_lease lease;
  std::string id;
  bool sent_whole; ///< The function has got all of the request: what it answers tells whether it is fit.
  std::uint64_t longest_answer; ///< In bytes.
  std::chrono::milliseconds most;
};

/// Lets their workers come to an end with them, in the background, and gives them back: a caller that goes
/// away, or takes its answer too slowly, costs nobody a warm worker. A worker is ended only where that takes
/// longer than `most`, or where its function does not answer as it should.
///
/// Thread safety: a shared object is safe.
class unheard_calls : public std::enable_shared_from_this<unheard_calls> {
 public:
  explicit unheard_calls(const asio::any_io_executor& ex)
    : closed_(ex) {}

  /// On that executor.
  void see_to(const asio::any_io_executor& executor, unheard_call call);

  /// From now on such workers are ended.
  void close() noexcept { closed_.close(); }

 private:
  asio::awaitable<void> see_to_end(unheard_call call);
  asio::awaitable<bool> comes_to_an_end(unheard_call& call);

  asio::experimental::concurrent_channel<void(error_code)> closed_;
};

} // namespace hotslot::daemon
