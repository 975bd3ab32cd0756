// A call whose caller does not wait for it: accepted now, run later.
#pragma once

#include "call_spans.hpp"
#include "detached_queue.hpp"
#include "function.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace hotslot::daemon {

/// Why a function takes no detached call with a body of that length, as far as it is known.
std::optional<refusal> refuse_detached(const function& of, std::uint64_t length);

/// Reads the whole call and has it run in its turn: 202, or why not. `of` and `exchange` outlive it.
asio::awaitable<http::response> accept_detached(const function& of, http::request&& request,
                                                http::exchange& exchange, call_start start);

/// Runs under the configuration that it was accepted under.
class detached_run final : public detached_job {
 public:
  detached_run(std::shared_ptr<const function> of, http::request request, std::string id)
    : of_(std::move(of))
    , request_(std::move(request))
    , id_(std::move(id)) {}

  const std::string& id() const noexcept override { return id_; }
  asio::awaitable<detached_outcome> run() override;

 private:
  /// What becomes of it, and why that is not what was asked for.
  struct ending {
    http::status status = http::status::ok;
    std::string reason; ///< Empty where it has succeeded.
  };

  asio::awaitable<ending> on_worker();
  asio::awaitable<ending> call(function_lease& lease);
  asio::awaitable<std::optional<process::call_reply>> attempt(function_lease& lease,
                                                              process::call_request request, error_code& ec);
  asio::awaitable<void> acquire(function_lease& lease);
  asio::awaitable<function_lease> acquire_patiently();
  detached_outcome tell(const ending& end, std::chrono::steady_clock::duration took) const;

  const std::shared_ptr<const function> of_;
  http::request request_;
  const std::string id_;
  std::unique_ptr<call_trace> trace_; ///< Null: it is not traced.
};

} // namespace hotslot::daemon
