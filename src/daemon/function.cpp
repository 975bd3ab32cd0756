#include "function.hpp"

#include "call_id.hpp"

#include <hotslot/decided_by.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/string.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <string>
#include <utility>

namespace hotslot::daemon {

namespace {

constexpr std::uint64_t longest_whole_reply = 10 * 1024 * 1024;

template <bool IsRequest>
std::uint64_t stated_length(const boost::beast::http::header<IsRequest>& head) {
  const auto text = head[http::field::content_length];
  std::uint64_t n = 0;
  std::from_chars(text.data(), text.data() + text.size(), n);
  return n;
}

bool is_detached(const http::request& request) {
  return boost::beast::iequals(request["Fn-Invoke-Type"], "detached");
}

// For people: what went wrong with the last start, and when.
std::string about(const launch_failure& f) {
  using std::chrono::duration_cast, std::chrono::milliseconds;
  const auto ago = function_queue::clock_type::now().time_since_epoch() - f.at;
  std::string text = f.message;
  if (f.in_a_row > 1)
    text += " (" + std::to_string(f.in_a_row) + " failures in a row, the last " +
            std::to_string(duration_cast<milliseconds>(ago).count()) + " ms ago)";
  return text;
}

} // namespace

struct function::running_call {
  const process::call_context context;
  http::exchange& exchange;
  function_lease lease;
  call_trace* trace = nullptr;
  std::uint64_t uploaded = 0;
  bool too_large = false; ///< The request has turned out to be.
  bool uploads = false;   ///< The request is still being passed on.
  bool begun = false;     ///< So is the answer.
  unsigned status = 0;
  process::worker_verdict verdict = process::worker_verdict::keep;
};

function::function(const function_config& config, std::shared_ptr<worker_pool> pool,
                   function_services services, bool possible, const function* before)
  : config_(config)
  , log_(pool->log())
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

asio::awaitable<http::response> function::call(http::request&& request, http::exchange& exchange,
                                               bool http_trigger) {
  call_start start{
      .id = make_call_id(), .http_trigger = http_trigger, .detached = !http_trigger && is_detached(request)};
  if (services_.spans)
    return call_traced(std::move(request), exchange, std::move(start));
  if (start.detached)
    return call_detached(std::move(request), exchange, std::move(start));
  return call_now(std::move(request), exchange, std::move(start));
}

asio::awaitable<http::response> function::call_now(http::request&& request, http::exchange& exchange,
                                                   call_start start) {
  if (auto refusal = refuse(request, exchange, start.id))
    co_return std::move(*refusal);
  const auto began = function_queue::clock_type::now();
  function_lease lease = pool_->queue().try_acquire();
  if (!lease) {
    error_code ec;
    if (start.trace)
      start.trace->wait_begins();
    std::tie(ec, lease) = co_await pool_->queue().async_acquire(began + config_.wait_timeout,
                                                                asio::as_tuple(asio::use_awaitable));
    if (start.trace)
      start.trace->wait_ends(ec ? std::nullopt : std::optional(lease->calls() == 0));
    if (ec)
      co_return no_worker(ec, start.id);
  }
  running_call call{.context = {.call_id = start.id,
                                .deadline = std::chrono::system_clock::now() + config_.timeout,
                                .http_trigger = start.http_trigger},
                    .exchange = exchange,
                    .lease = std::move(lease),
                    .trace = start.trace};
  co_return co_await call_worker(call, std::move(request));
}

asio::awaitable<http::response> function::call_worker(running_call& call, http::request&& request) {
  call.exchange.expires_after(config_.timeout);
  const auto part = call.exchange.has_more() ? process::body_part::beginning : process::body_part::whole;
  error_code failure;
  try {
    if (call.trace)
      describe_run(*call.trace, request, *call.lease);
    call.uploaded = request.body().size();
    co_await call.lease->send(process::make_call_request(std::move(request), call.context, part));
    call.uploads = call.exchange.has_more() || call.lease->has_unsent();
    if (!call.uploads)
      co_return co_await answer(call);
    co_return co_await answer_while_uploading(call);
  } catch (const boost::system::system_error& e) {
    failure = e.code();
  }
  if (failure == process::errc::connection_lost && call.lease) {
    bool memory = false;
    try {
      memory = co_await call.lease->ran_out_of_memory();
    } catch (const std::exception&) { // cancelled meanwhile: then it stays what it is
    }
    if (memory)
      failure = process::errc::out_of_memory;
  }
  call.lease.discard();
  if (call.trace) {
    call.trace->run_ends(failure.message());
    if (call.begun)
      call.trace->broke_off(failure.message());
  }
  auto response = why_failed(failure, call);
  if (call.begun) // what is missing is all that can be told now
    throw boost::system::system_error(failure);
  co_return response;
}

// A function may answer before it has read its whole request, or instead of that. Its worker is given back
// once it has been sent everything, or else when both have ended.
asio::awaitable<http::response> function::answer_while_uploading(running_call& call) {
  auto response = co_await decided_by(answer(call), upload(call));
  call.uploads = false;
  if (call.lease)
    give_back(call);
  co_return response;
}

// Passes the request on while it comes, no faster than the function reads it.
asio::awaitable<void> function::upload(running_call& call) {
  if (call.lease->has_unsent())
    co_await call.lease->send_rest();
  for (std::string piece; call.exchange.has_more();) {
    co_await call.exchange.read(piece);
    count_upload(call, piece.size());
    co_await call.lease->send_piece(piece, !call.exchange.has_more());
  }
}

// Whatever the function does by then, the caller is refused.
void function::count_upload(running_call& call, std::uint64_t bytes) const {
  call.uploaded += bytes;
  if (call.uploaded <= config_.limits.request_body)
    return;
  call.too_large = true;
  call.exchange.expires_after({}); // ends the answer, too
  throw boost::system::system_error(asio::error::operation_aborted);
}

asio::awaitable<http::response> function::answer(running_call& call) {
  process::function_slot& worker = *call.lease;
  auto reply = co_await worker.receive(config_.reply_buffer);
  check_length(reply);
  if (worker.has_more() && process::may_stream(reply, call.context))
    co_return co_await relay(call, std::move(reply));
  if (worker.has_more())
    reply = co_await read_whole(worker, std::move(reply));
  call.status = reply.result_int();
  auto [response, verdict] = process::make_caller_reply(std::move(reply), call.context);
  call.verdict = verdict;
  if (call.trace)
    call.trace->run_ends(response.result_int() < 500 ? "" : response.body());
  give_back(call);
  co_return std::move(response);
}

// Passes the reply on while it comes, no faster than the caller takes it. The worker is free again as soon as
// it has written all.
asio::awaitable<http::response> function::relay(running_call& call, process::call_reply reply) {
  process::function_slot& worker = *call.lease;
  call.status = reply.result_int();
  auto [head, verdict] =
      process::make_caller_reply(std::move(reply), call.context, process::body_part::beginning);
  call.verdict = verdict;
  if (verdict == process::worker_verdict::discard) {
    give_back(call);
    co_return std::move(head);
  }
  call.begun = true;
  if (call.trace)
    call.trace->answered(head.result_int());
  co_await call.exchange.begin(head);
  std::string piece = std::move(head.body());
  std::uint64_t passed = piece.size();
  while (worker.has_more()) {
    co_await call.exchange.write(piece);
    co_await worker.read(piece);
    passed += piece.size();
    if (passed > config_.limits.reply_body)
      throw boost::system::system_error(process::errc::reply_too_large);
  }
  if (call.trace)
    call.trace->run_ends();
  give_back(call);
  co_await call.exchange.write(piece);
  co_return http::response();
}

// What the caller gets depends on the body.
asio::awaitable<process::call_reply> function::read_whole(process::function_slot& worker,
                                                          process::call_reply reply) {
  const auto most = std::min(longest_whole_reply, config_.limits.reply_body);
  std::string piece;
  while (worker.has_more()) {
    co_await worker.read(piece);
    reply.body() += piece;
    if (reply.body().size() > most)
      throw boost::system::system_error(process::errc::reply_too_large);
  }
  co_return reply;
}

void function::give_back(running_call& call) {
  if (call.uploads && !call.lease->reusable())
    return; // it is being sent the request still
  const bool keep = call.verdict == process::worker_verdict::keep;
  if (!keep)
    log_.warn("function answered with a status that ends it", {{"app", config_.app},
                                                               {"fn", config_.name},
                                                               {"call", call.context.call_id},
                                                               {"status", call.status}});
  const bool fit = keep && call.lease->reusable();
  call.lease.release(fit ? worker_condition::clean : worker_condition::dirty);
}

void function::check_length(const process::call_reply& reply) const {
  const auto most = config_.limits.reply_body;
  if (most == call_limits::none)
    return;
  if (reply.body().size() > most || stated_length(reply) > most)
    throw boost::system::system_error(process::errc::reply_too_large);
}

http::response function::why_failed(const error_code& ec, const running_call& call) const {
  const auto call_id = call.context.call_id;
  if (call.too_large)
    return too_large(call_id);
  if (call.exchange.expired())
    return failed(http::status::gateway_timeout, "the function did not answer in time", call_id);
  if (call.exchange.abandoned())
    return failed(http::status::service_unavailable, "the caller has gone", call_id);
  if (ec == asio::error::operation_aborted)
    return failed(http::status::bad_request, "the request broke off", call_id);
  return failed(process::failure_status(ec), ec.message(), call_id);
}

// Before anything is acquired for it, or more of its body read. What exceeds a rate comes often, so it is
// counted and not logged.
std::optional<http::response> function::refuse(const http::request& request, const http::exchange& exchange,
                                               std::string_view call_id) const {
  if (limiter_)
    if (const auto wait = limiter_->try_take(function_queue::clock_type::now().time_since_epoch())) {
      auto response = process::make_error_response(http::status::too_many_requests,
                                                   "the function is called too often", call_id);
      response.set(http::field::retry_after,
                   std::to_string(std::chrono::ceil<std::chrono::seconds>(*wait).count()));
      return response;
    }
  if (config_.limits.request_body != call_limits::none &&
      known_length(request, exchange) > config_.limits.request_body)
    return too_large(call_id);
  if (!possible_)
    return no_worker(errc::resources_impossible, call_id);
  return std::nullopt;
}

std::uint64_t function::known_length(const http::request& request, const http::exchange& exchange) {
  const auto stated = exchange.has_more() ? stated_length(request) : 0;
  return std::max<std::uint64_t>(stated, request.body().size());
}

http::response function::too_large(std::string_view call_id) const {
  return failed(http::status::payload_too_large, "the body is too large", call_id);
}

function::ending function::why_no_worker(const error_code& ec) const {
  if (ec == errc::resources_impossible)
    return {http::status::bad_request, "the function needs more memory or processor time than there is"};
  if (ec.category() == hotslot_category() || ec == asio::error::operation_aborted)
    return {http::status::service_unavailable, ec.message()};
  const auto failure = pool_->last_failure();
  return {process::failure_status(ec), failure ? about(*failure) : ec.message()};
}

http::response function::no_worker(const error_code& ec, std::string_view call_id) const {
  const auto [status, reason] = why_no_worker(ec);
  auto response = failed(status, reason, call_id);
  if (status == http::status::service_unavailable)
    response = try_later(std::move(response));
  return response;
}

http::response function::try_later(http::response response) const {
  if (const auto wait = pool_->queue().forecast_wait()) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(*wait).count();
    response.set(http::field::retry_after, std::to_string(std::max<std::int64_t>(seconds, 1)));
  }
  return response;
}

http::response function::failed(http::status status, std::string_view message,
                                std::string_view call_id) const {
  log_.warn("call failed", {{"app", config_.app},
                            {"fn", config_.name},
                            {"call", call_id},
                            {"status", static_cast<int>(status)},
                            {"reason", message}});
  return process::make_error_response(status, message, call_id);
}

named_queue_snapshot function::snapshot() const {
  named_queue_snapshot all{.key = pool_->key().hex(),
                           .app = config_.app,
                           .name = config_.name,
                           .trigger = config_.trigger,
                           .id = config_.id,
                           .queue = pool_->queue().snapshot(),
                           .failure = pool_->failure_now()};
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

} // namespace hotslot::daemon
