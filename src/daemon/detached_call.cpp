// How a call goes whose caller does not wait for it.
#include "function.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace hotslot::daemon {

namespace {

constexpr std::size_t longest_reason = 512;
constexpr std::chrono::milliseconds overload_pause{500};

// What it takes in memory, about.
std::uint64_t size_of(const http::request& request) {
  std::uint64_t bytes = request.body().size() + request.target().size();
  for (const auto& f : request)
    bytes += f.name_string().size() + f.value().size();
  return bytes;
}

bool is_overload(const error_code& ec) {
  return ec == errc::queue_full || ec == errc::overloaded || ec == errc::deadline_unreachable;
}

// An error does not end it by itself, so that it decides a race.
asio::awaitable<std::optional<process::call_reply>> attempt(process::function_slot& worker,
                                                            process::call_request request, error_code& ec) {
  try {
    co_return co_await worker.call(std::move(request));
  } catch (const boost::system::system_error& e) {
    ec = e.code();
  }
  co_return std::nullopt;
}

bool has_failed(const http::response& response) { return response.result_int() >= 500; }

} // namespace

class function::detached_run : public detached_job {
 public:
  detached_run(std::shared_ptr<const function> fn, http::request request, std::string id)
    : fn_(std::move(fn))
    , request_(std::move(request))
    , id_(std::move(id)) {}

  const std::string& id() const noexcept override { return id_; }
  asio::awaitable<detached_outcome> run() override { return fn_->run_detached(request_, id_); }

 private:
  const std::shared_ptr<const function> fn_;
  http::request request_;
  const std::string id_;
};

asio::awaitable<http::response> function::call_detached(http::request&& request, http::exchange& exchange,
                                                        call_start start) {
  if (!config_.limits.detached)
    co_return failed(http::status::bad_request, "the function takes no detached calls", start.id);
  if (auto refusal = refuse(request, exchange, start.id))
    co_return std::move(*refusal);
  auto place = services_.detached->reserve(detached_, size_of(request));
  if (!place)
    co_return full(start.id);
  auto refusal = co_await read_detached(request, exchange, *place, start.id);
  if (refusal)
    co_return std::move(*refusal);
  http::response accepted(http::status::accepted, 11);
  accepted.set("Fn-Call-Id", start.id);
  accepted.prepare_payload();
  services_.detached->enter(std::move(*place),
                            std::make_unique<detached_run>(shared_from_this(), std::move(request), start.id),
                            config_.launch.max_workers);
  co_return accepted;
}

// The whole body, or why it is refused.
asio::awaitable<std::optional<http::response>> function::read_detached(http::request& request,
                                                                       http::exchange& exchange,
                                                                       detached_calls::place& place,
                                                                       std::string_view call_id) const {
  const auto most = std::min(services_.detached->limits().body_bytes, config_.limits.request_body);
  if (known_length(request, exchange) > most)
    co_return too_large(call_id);
  std::string piece;
  while (exchange.has_more()) {
    co_await exchange.read(piece);
    if (request.body().size() + piece.size() > most)
      co_return too_large(call_id);
    if (!place.grow(piece.size()))
      co_return full(call_id);
    request.body() += piece;
  }
  co_return std::nullopt;
}

http::response function::full(std::string_view call_id) const {
  auto response = try_later(failed(http::status::service_unavailable, "too many detached calls", call_id));
  if (response.find(http::field::retry_after) == response.end())
    response.set(http::field::retry_after, "1");
  return response;
}

// Later, on a strand of the line's.
asio::awaitable<detached_outcome> function::run_detached(http::request& request,
                                                         const std::string& call_id) const {
  std::unique_ptr<call_trace> trace;
  if (services_.spans) {
    trace = std::make_unique<call_trace>(*services_.spans, request, span_kind::consumer);
    describe_detached(*trace, call_id);
  }
  const auto began = function_queue::clock_type::now();
  ending end;
  try {
    end = co_await run_alone(request, call_id, trace.get());
  } catch (const boost::system::system_error& e) {
    if (e.code() == asio::error::operation_aborted)
      co_return detached_outcome::lost;
    end = why_no_worker(e.code());
  }
  if (trace)
    trace->answered(static_cast<unsigned>(end.status));
  co_return tell(end, call_id, function_queue::clock_type::now() - began);
}

// Throws why there is no worker, or `operation_aborted`.
asio::awaitable<function::ending> function::run_alone(http::request& request, std::string_view call_id,
                                                      call_trace* trace) const {
  if (trace)
    trace->wait_begins();
  function_lease lease = co_await acquire_patiently();
  if (trace) {
    trace->wait_ends(lease->calls() == 0);
    describe_run(*trace, request, *lease);
  }
  const process::call_context context{.call_id = call_id,
                                      .deadline = std::chrono::system_clock::now() + config_.timeout};
  auto to_worker = process::make_call_request(std::move(request), context);
  ending end = co_await run_on(lease, std::move(to_worker), context);
  if (trace)
    trace->run_ends(end.reason);
  co_return end;
}

asio::awaitable<function::ending> function::run_on(function_lease& lease, process::call_request request,
                                                   process::call_context context) const {
  using namespace asio::experimental::awaitable_operators;
  asio::steady_timer timer(co_await asio::this_coro::executor, config_.timeout);
  error_code failure;
  auto ended =
      co_await (attempt(*lease, std::move(request), failure) || timer.async_wait(asio::use_awaitable));
  if (ended.index() == 1)
    co_return ending{http::status::gateway_timeout, "the function did not answer in time"};
  auto& reply = std::get<0>(ended);
  if (failure == asio::error::operation_aborted)
    throw boost::system::system_error(failure);
  if (reply && reply->body().size() > config_.limits.reply_body)
    failure = process::errc::reply_too_large;
  if (failure)
    co_return ending{process::failure_status(failure), failure.message()};
  auto [response, verdict] = process::make_caller_reply(std::move(*reply), context);
  const bool fit = verdict == process::worker_verdict::keep && lease->reusable();
  lease.release(fit ? worker_condition::clean : worker_condition::dirty);
  co_return ending{response.result(), has_failed(response) ? response.body().substr(0, longest_reason) : ""};
}

// Nobody waits for it, so what is meant to spare callers a wait does not end it; a start that fails does.
asio::awaitable<function_lease> function::acquire_patiently() const {
  for (;;) {
    auto [ec, lease] = co_await pool_->queue().async_acquire(asio::as_tuple(asio::use_awaitable));
    if (!ec)
      co_return std::move(lease);
    if (!is_overload(ec))
      throw boost::system::system_error(ec);
    asio::steady_timer timer(co_await asio::this_coro::executor, overload_pause);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

detached_outcome function::tell(const ending& end, std::string_view call_id,
                                std::chrono::steady_clock::duration took) const {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
  const int status = static_cast<int>(end.status);
  if (end.reason.empty()) {
    log_.info(
        "detached call ended",
        {{"app", config_.app}, {"fn", config_.name}, {"call", call_id}, {"status", status}, {"ms", ms}});
    return detached_outcome::succeeded;
  }
  log_.warn("detached call failed", {{"app", config_.app},
                                     {"fn", config_.name},
                                     {"call", call_id},
                                     {"status", status},
                                     {"ms", ms},
                                     {"reason", end.reason}});
  return detached_outcome::failed;
}

} // namespace hotslot::daemon
