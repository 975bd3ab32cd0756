// A configured function at run time: its workers, its limits, and what is told of it.
#pragma once

#include "detached_queue.hpp"
#include "rate_limiter.hpp"
#include "unheard_calls.hpp"
#include "worker_pool.hpp"

#include "daemon/tracing/tracer.hpp"

#include <hotslot/http/exchange.hpp>
#include <hotslot/http/message.hpp>
#include <hotslot/process/contract.hpp>
#include <hotslot/stats/queue_detail.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace hotslot::daemon {

/// What calls of all functions share.
struct function_services {
  std::shared_ptr<detached_queue> detached;
  std::shared_ptr<unheard_calls> unheard;
  tracer* spans = nullptr; ///< Null: none are made. Outlives the calls.
};

/// What the caller is told instead.
struct refusal {
  http::status status;
  std::string reason;
  std::optional<std::chrono::seconds> retry_after = {};
  bool is_counted = false; ///< It comes often, so it is counted and not logged.
};

inline http::response make_response(const refusal& why, std::string_view call_id) {
  auto response = process::make_error_response(why.status, why.reason, call_id);
  if (why.retry_after)
    response.set(http::field::retry_after, std::to_string(why.retry_after->count()));
  return response;
}

inline refusal body_too_large() { return {http::status::payload_too_large, "the body is too large"}; }

/// Immutable: a changed configuration makes a new one, which shares the workers where they are the same.
///
/// Thread safety: a shared object is safe.
class function : public std::enable_shared_from_this<function> {
 public:
  /// `possible`: a worker fits into what there is in total. `before`: the same function as it was configured
  /// until now, whose detached calls and, where it is the same, whose rate go on; null where there was none.
  function(const function_config& config, std::shared_ptr<worker_pool> pool, function_services services,
           bool possible, const function* before);

  const function_config& config() const noexcept { return config_; }
  const function_services& services() const noexcept { return services_; }
  const std::shared_ptr<worker_pool>& pool() const noexcept { return pool_; }
  const std::shared_ptr<detached_line>& detached() const noexcept { return detached_; }
  const logger& log() const noexcept { return pool_->log(); }

  /// Why a call is refused before a worker is acquired for it, or more of its body read. Takes a token of its
  /// rate.
  std::optional<refusal> refuse(const http::request& request, const http::exchange& exchange,
                                const process::call_context& call) const;

  /// The part of it that the head tells, with the length of the body, as far as that is known.
  std::optional<refusal> refuse_head(const http::request& request, std::uint64_t length,
                                     const process::call_context& call) const;

  /// What the error of an acquisition means to a caller.
  refusal why_no_worker(const error_code& ec) const;

  /// When a caller may hope for a worker; nothing where that cannot be said.
  std::optional<std::chrono::seconds> retry_after() const;

  /// The answer to a call that is refused, which is logged.
  http::response answer(const refusal& why, std::string_view call_id) const;

  named_queue_snapshot snapshot() const;
  queue_detail detail() const;

 private:
  const function_config config_;
  const std::shared_ptr<worker_pool> pool_;
  const function_services services_;
  std::shared_ptr<rate_limiter> limiter_; ///< Null: no limit.
  std::shared_ptr<detached_line> detached_;
  const bool possible_;
};

/// How long the body of a request is, as far as that is known.
std::uint64_t known_length(const http::request& request, const http::exchange& exchange);

} // namespace hotslot::daemon
