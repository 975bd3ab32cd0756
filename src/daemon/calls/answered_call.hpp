// A call whose caller waits for the answer.
#pragma once

#include "call_spans.hpp"
#include "function.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

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

  static asio::awaitable<error_code> acquire(const function& of, call_trace* trace, function_lease& lease);
  asio::awaitable<http::response> on_worker(http::request&& request);
  asio::awaitable<void> acquire_another();
  void end_wait();
  asio::awaitable<http::response> answer_while_uploading();
  asio::awaitable<http::response> answer();
  asio::awaitable<http::response> relay(process::call_reply reply);
  asio::awaitable<void> upload();
  asio::awaitable<process::call_reply> read_whole(process::call_reply reply);
  http::response failed(const error_code& failure);
  asio::awaitable<void> read_from_caller(std::string& piece);
  asio::awaitable<void> write_to_caller(std::string_view piece);
  bool is_callers_doing(const error_code& failure) const;
  void leave_worker();
  void count_upload(std::uint64_t bytes);
  void check_length(const process::call_reply& reply) const;
  void give_back();
  refusal why_failed(const error_code& ec) const;

  const function& of_;
  http::exchange& exchange_;
  call_trace* const trace_;
  const process::call_context context_;
  std::chrono::steady_clock::time_point deadline_ = {};
  function_lease lease_;
  error_code no_worker_ = {}; ///< Why there was none to go on to.
  std::uint64_t uploaded_ = 0;
  bool too_large_ = false;        ///< The request has turned out to be.
  bool uploads_ = false;          ///< The request is still being passed on.
  bool begun_ = false;            ///< So is the answer.
  bool is_callers_doing_ = false; ///< That it failed.
  bool endless_ = false;          ///< Nor does it end by itself.
  unsigned caller_owes_ = 0; ///< So often is it the caller that is waited for, to send or to take something.
  unsigned status_ = 0;
  unsigned answered_ = 0; ///< With that, where the answer has begun.
  process::worker_verdict verdict_ = process::worker_verdict::keep;
};

} // namespace hotslot::daemon
