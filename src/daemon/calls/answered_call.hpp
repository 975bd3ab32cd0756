// A call whose caller waits for the answer.
#pragma once

#include "call_spans.hpp"
#include "function.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstdint>

namespace hotslot::daemon {

/// From the worker that it has been given to the answer. Used by one coroutine, and by another that passes
/// the request on meanwhile.
class answered_call {
 public:
  /// Acquires a worker, has it answer, and gives it back before the answer is returned. Throws only where the
  /// answer has begun, and has no end. `of` and `exchange` outlive it.
  static asio::awaitable<http::response> run(const function& of, http::request&& request,
                                             http::exchange& exchange, call_start start);

 private:
  answered_call(const function& of, http::exchange& exchange, const call_start& start, function_lease lease);

  asio::awaitable<http::response> on_worker(http::request&& request);
  asio::awaitable<http::response> answer_while_uploading();
  asio::awaitable<http::response> answer();
  asio::awaitable<http::response> relay(process::call_reply reply);
  asio::awaitable<void> upload();
  asio::awaitable<process::call_reply> read_whole(process::call_reply reply);
  asio::awaitable<void> tell_why_lost(error_code& failure);
  http::response failed(const error_code& failure);
  void count_upload(std::uint64_t bytes);
  void check_length(const process::call_reply& reply) const;
  void give_back();
  refusal why_failed(const error_code& ec) const;

  const function& of_;
  http::exchange& exchange_;
  call_trace* const trace_;
  const process::call_context context_;
  function_lease lease_;
  std::uint64_t uploaded_ = 0;
  bool too_large_ = false; ///< The request has turned out to be.
  bool uploads_ = false;   ///< The request is still being passed on.
  bool begun_ = false;     ///< So is the answer.
  unsigned status_ = 0;
  process::worker_verdict verdict_ = process::worker_verdict::keep;
};

} // namespace hotslot::daemon
