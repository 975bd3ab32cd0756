// A configured function at run time: how one call of it goes.
#ifndef HOTSLOT_DAEMON_FUNCTION_HPP
#define HOTSLOT_DAEMON_FUNCTION_HPP

#include "function_services.hpp"
#include "rate_limiter.hpp"
#include "worker_pool.hpp"

#include <hotslot/core/queue_detail.hpp>
#include <hotslot/http/exchange.hpp>
#include <hotslot/http/message.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace hotslot::daemon {

/// Immutable: a changed configuration makes a new one, which shares the workers where they are the same.
class function : public std::enable_shared_from_this<function> {
 public:
  /// `possible`: a worker fits into what there is in total. `before`: the same function as it was configured
  /// until now, whose detached calls and, where it is the same, whose rate go on; null where there was none.
  function(const function_config& config, std::shared_ptr<worker_pool> pool, function_services services,
           bool possible, const function* before);

  const function_config& config() const noexcept { return config_; }

  /// Acquires a worker, has it answer, and gives it back before the answer is returned; or accepts a detached
  /// call. Never throws for what a function, a worker or a caller does.
  asio::awaitable<http::response> call(http::request&& request, http::exchange& exchange, bool http_trigger);

  named_queue_snapshot snapshot() const;
  queue_detail detail() const;

  const std::shared_ptr<worker_pool>& pool() const noexcept { return pool_; }

 private:
  /// What a call has from its beginning on.
  struct call_start {
    std::string id;
    bool http_trigger = false;
    bool detached = false;
    call_trace* trace = nullptr; ///< Null: it is not traced.
  };
  /// What becomes of a call: what its caller gets, and why it is not what it asked for.
  struct ending {
    http::status status = http::status::ok;
    std::string reason; ///< Empty where it has succeeded.
  };
  struct running_call;
  class detached_run;

  // function.cpp: calls that are answered
  asio::awaitable<http::response> call_now(http::request&& request, http::exchange& exchange,
                                           call_start start);
  asio::awaitable<http::response> call_worker(running_call& call, http::request&& request);
  asio::awaitable<http::response> answer_while_uploading(running_call& call);
  asio::awaitable<http::response> answer(running_call& call);
  asio::awaitable<http::response> relay(running_call& call, process::call_reply reply);
  asio::awaitable<void> upload(running_call& call);
  asio::awaitable<process::call_reply> read_whole(process::function_slot& worker, process::call_reply reply);
  void count_upload(running_call& call, std::uint64_t bytes) const;
  void check_length(const process::call_reply& reply) const;
  void give_back(running_call& call);
  http::response why_failed(const error_code& ec, const running_call& call) const;

  // detached_call.cpp: calls that are run later
  asio::awaitable<http::response> call_detached(http::request&& request, http::exchange& exchange,
                                                call_start start);
  asio::awaitable<std::optional<http::response>> read_detached(http::request& request,
                                                               http::exchange& exchange,
                                                               detached_calls::place& place,
                                                               std::string_view call_id) const;
  asio::awaitable<detached_outcome> run_detached(http::request& request, const std::string& call_id) const;
  asio::awaitable<ending> run_alone(http::request& request, std::string_view call_id,
                                    call_trace* trace) const;
  asio::awaitable<ending> run_on(function_lease& lease, process::call_request request,
                                 process::call_context context) const;
  asio::awaitable<function_lease> acquire_patiently() const;
  http::response full(std::string_view call_id) const;
  detached_outcome tell(const ending& end, std::string_view call_id,
                        std::chrono::steady_clock::duration took) const;

  // traced_call.cpp: what spans tell
  asio::awaitable<http::response> call_traced(http::request&& request, http::exchange& exchange,
                                              call_start start);
  void describe(call_trace& trace, const http::request& request, const http::exchange& exchange,
                const call_start& start) const;
  void describe_detached(call_trace& trace, std::string_view call_id) const;
  void describe_run(call_trace& trace, http::request& request, const process::function_slot& worker) const;

  // function.cpp: what is refused, and why
  std::optional<http::response> refuse(const http::request& request, const http::exchange& exchange,
                                       std::string_view call_id) const;
  http::response too_large(std::string_view call_id) const;
  static std::uint64_t known_length(const http::request& request, const http::exchange& exchange);
  ending why_no_worker(const error_code& ec) const;
  http::response no_worker(const error_code& ec, std::string_view call_id) const;
  http::response try_later(http::response response) const;
  http::response failed(http::status status, std::string_view message, std::string_view call_id) const;

  function_config config_;
  const logger& log_;
  std::shared_ptr<worker_pool> pool_;
  function_services services_;
  std::shared_ptr<rate_limiter> limiter_; ///< Null: no limit.
  std::shared_ptr<detached_line> detached_;
  bool possible_;
};

} // namespace hotslot::daemon

#endif
