#include "function.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

namespace hotslot::daemon {
namespace {

using std::chrono::seconds;

// For callers: the log has where it went wrong, which is not theirs to know.
std::string text_of(const error_code& ec, const launch_failure& f) {
  using std::chrono::duration_cast, std::chrono::milliseconds;
  const auto ago = function_queue::clock_type::now().time_since_epoch() - f.at;
  std::string text = ec.message();
  if (f.in_a_row > 1)
    text += " (" + std::to_string(f.in_a_row) + " failures in a row, the last " +
            std::to_string(duration_cast<milliseconds>(ago).count()) + " ms ago)";
  return text;
}

} // namespace

function::function(const function_config& config, std::shared_ptr<worker_pool> pool,
                   function_services services, bool possible, const function* before)
  : config_(config)
  , pool_(std::move(pool))
  , services_(std::move(services))
  , possible_(possible) {
  const auto& rate = config_.limits.calls;
  if (before && before->config_.limits.calls == rate)
    limiter_ = before->limiter_;
  else if (rate)
    limiter_ = std::make_shared<rate_limiter>(*rate);
  detached_ = before ? before->detached_ : std::make_shared<detached_line>(config_.app, config_.name);
}

std::optional<refusal> function::refuse(const http::request& request, const http::exchange& exchange,
                                        const process::call_context& call) const {
  if (limiter_)
    if (const auto wait = limiter_->try_take(function_queue::clock_type::now().time_since_epoch()))
      return refusal{http::status::too_many_requests, "the function is called too often",
                     std::chrono::ceil<seconds>(*wait), true};
  return refuse_head(request, known_length(request, exchange), call);
}

std::optional<refusal> function::refuse_head(const http::request& request, std::uint64_t length,
                                             const process::call_context& call) const {
  if (length > config_.limits.request_body)
    return body_too_large();
  if (!process::fits_head(request, call, config_.limits.request_header))
    return refusal{http::status::request_header_fields_too_large, "the header is too large for the function"};
  if (!possible_)
    return why_no_worker(errc::resources_impossible);
  return std::nullopt;
}

refusal function::why_no_worker(const error_code& ec) const {
  if (ec == errc::resources_impossible)
    return {http::status::bad_request, "the function needs more memory or processor time than there is"};
  if (ec.category() == hotslot_category() || ec == asio::error::operation_aborted)
    return {http::status::service_unavailable, ec.message(), retry_after()};
  const auto failure = pool_->last_failure();
  const auto status = process::failure_status(ec);
  return {status, failure ? text_of(ec, *failure) : ec.message(),
          status == http::status::service_unavailable ? retry_after() : std::nullopt};
}

std::optional<seconds> function::retry_after() const {
  const auto wait = pool_->queue().forecast_wait();
  if (!wait)
    return std::nullopt;
  return std::max(std::chrono::ceil<seconds>(*wait), seconds(1));
}

http::response function::answer(const refusal& why, std::string_view call_id) const {
  if (!why.is_counted)
    log().warn("call failed", {{"app", config_.app},
                               {"fn", config_.name},
                               {"call", call_id},
                               {"status", static_cast<int>(why.status)},
                               {"reason", why.reason}});
  return make_response(why, call_id);
}

named_queue_snapshot function::snapshot() const {
  named_queue_snapshot all{.key = pool_->key().hex(),
                           .app = config_.app,
                           .name = config_.name,
                           .trigger = config_.trigger,
                           .id = config_.id,
                           .queue = pool_->queue().snapshot(),
                           .failure = pool_->failure_now(),
                           .failed_calls = pool_->failed_calls()};
  const auto detached = services_.detached->counts(*detached_);
  if (config_.limits.detached || detached.accepted != 0)
    all.detached = detached;
  if (limiter_)
    all.rate_limited = limiter_->refused();
  return all;
}

queue_detail function::detail() const {
  queue_detail out;
  out.queue = snapshot();
  out.histograms = pool_->queue().histograms();
  pool_->write_to(out);
  return out;
}

std::uint64_t known_length(const http::request& request, const http::exchange& exchange) {
  const std::uint64_t stated = exchange.has_more() ? http::stated_length(request).value_or(0) : 0;
  return std::max<std::uint64_t>(stated, request.body().size());
}

} // namespace hotslot::daemon
