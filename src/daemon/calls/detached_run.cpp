#include "detached_run.hpp"

#include "moved_call.hpp"

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

bool has_failed(const http::response& response) { return response.result() != http::status::ok; }

refusal no_room(const function& of) {
  return {http::status::service_unavailable, "too many detached calls",
          of.retry_after().value_or(std::chrono::seconds(1))};
}

std::uint64_t longest_body(const function& of) {
  return std::min(of.services().detached->limits().body_bytes, of.config().limits.request_body);
}

// The whole body, or why it is refused.
asio::awaitable<std::optional<refusal>> read_body(const function& of, http::request& request,
                                                  http::exchange& exchange, detached_queue::place& place) {
  const auto most = longest_body(of);
  std::string piece;
  while (exchange.has_more()) {
    co_await exchange.read(piece);
    if (request.body().size() + piece.size() > most)
      co_return body_too_large();
    if (!place.grow(piece.size()))
      co_return no_room(of);
    request.body() += piece;
  }
  co_return std::nullopt;
}

} // namespace

std::optional<refusal> refuse_detached(const function& of, std::uint64_t length) {
  if (!of.config().limits.detached)
    return refusal{http::status::bad_request, "the function takes no detached calls"};
  return length > longest_body(of) ? std::optional(body_too_large()) : std::nullopt;
}

asio::awaitable<http::response> accept_detached(const function& of, http::request&& request,
                                                http::exchange& exchange, call_start start) {
  if (const auto why = refuse_detached(of, known_length(request, exchange)))
    co_return of.answer(*why, start.id);
  if (const auto why = of.refuse(request, exchange, context_of(start)))
    co_return of.answer(*why, start.id);
  detached_queue& calls = *of.services().detached;
  auto place = calls.reserve(of.detached(), size_of(request));
  if (!place)
    co_return of.answer(no_room(of), start.id);
  const auto why = co_await read_body(of, request, exchange, *place);
  if (why)
    co_return of.answer(*why, start.id);
  auto run = std::make_unique<detached_run>(of.shared_from_this(), std::move(request), start.id);
  if (!calls.enter(std::move(*place), std::move(run), of.config().launch.max_workers))
    co_return of.answer({http::status::service_unavailable, "the server is draining"}, start.id);
  http::response accepted(http::status::accepted, 11);
  accepted.set("Fn-Call-Id", start.id);
  accepted.prepare_payload();
  co_return accepted;
}

// Later, on a strand of the line's.
asio::awaitable<detached_outcome> detached_run::run() {
  if (of_->services().spans) {
    trace_ = std::make_unique<call_trace>(*of_->services().spans, request_, span_kind::consumer);
    describe_detached(*trace_, of_->config(), id_);
  }
  const auto began = function_queue::clock_type::now();
  ending end;
  try {
    end = co_await on_worker();
  } catch (const boost::system::system_error& e) {
    if (e.code() == asio::error::operation_aborted)
      co_return detached_outcome::lost;
    const auto why = of_->why_no_worker(e.code());
    end = {why.status, why.reason};
  }
  if (trace_)
    trace_->answered(static_cast<unsigned>(end.status));
  trace_.reset();
  co_return tell(end, function_queue::clock_type::now() - began);
}

// Throws why there is no worker, or `operation_aborted`.
asio::awaitable<detached_run::ending> detached_run::on_worker() {
  function_lease lease;
  co_await acquire(lease);
  if (trace_)
    trace_->run_begins(request_, of_->config().app + '/' + of_->config().name, lease->worker_id());
  ending end = co_await call(lease);
  of_->pool()->note_run(static_cast<unsigned>(end.status) >= 500);
  if (trace_)
    trace_->run_ends(end.reason);
  co_return end;
}

// An error does not end it by itself, so that it decides a race.
asio::awaitable<std::optional<process::call_reply>>
detached_run::attempt(function_lease& lease, process::call_request request, error_code& ec) {
  try {
    for (moved_call moved;;) {
      ec.clear();
      try {
        co_return co_await lease->call(std::move(request));
      } catch (const boost::system::system_error& e) {
        ec = e.code();
      }
      auto again = moved.take(*of_, lease, ec);
      if (!again)
        break;
      request = std::move(*again);
      if (trace_)
        trace_->run_moves();
      co_await acquire(lease);
      if (trace_)
        trace_->run_begins_on(lease->worker_id());
    }
    ec = co_await why_lost(lease, ec);
  } catch (const boost::system::system_error& e) {
    ec = e.code();
  }
  co_return std::nullopt;
}

asio::awaitable<detached_run::ending> detached_run::call(function_lease& lease) {
  using namespace asio::experimental::awaitable_operators;
  const auto& config = of_->config();
  const process::call_context context{.call_id = id_,
                                      .deadline = std::chrono::system_clock::now() + config.timeout};
  asio::steady_timer timer(co_await asio::this_coro::executor, config.timeout);
  error_code failure;
  auto ended = co_await (attempt(lease, process::make_call_request(std::move(request_), context), failure) ||
                         timer.async_wait(asio::use_awaitable));
  if (ended.index() == 1)
    co_return ending{http::status::gateway_timeout, "the function did not answer in time"};
  auto& reply = std::get<0>(ended);
  if (failure == asio::error::operation_aborted || (failure && !lease))
    throw boost::system::system_error(failure);
  if (reply && reply->body().size() > config.limits.reply_body)
    failure = process::errc::reply_too_large;
  if (failure)
    co_return ending{process::failure_status(failure), failure.message()};
  auto [response, verdict] = process::make_caller_reply(std::move(*reply), context);
  const bool fit = verdict == process::worker_verdict::keep && lease->reusable();
  lease.release(fit ? worker_condition::clean : worker_condition::dirty);
  co_return ending{response.result(), has_failed(response) ? response.body().substr(0, longest_reason) : ""};
}

asio::awaitable<void> detached_run::acquire(function_lease& lease) {
  if (trace_)
    trace_->wait_begins();
  lease = co_await acquire_patiently();
  if (trace_)
    trace_->wait_ends(lease->calls() == 0);
}

// Nobody waits for it, so what is meant to spare callers a wait does not end it; a start that fails does.
asio::awaitable<function_lease> detached_run::acquire_patiently() {
  for (;;) {
    auto [ec, lease] = co_await of_->pool()->queue().async_acquire(asio::as_tuple(asio::use_awaitable));
    if (!ec)
      co_return std::move(lease);
    if (!is_overload(ec))
      throw boost::system::system_error(ec);
    asio::steady_timer timer(co_await asio::this_coro::executor, overload_pause);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

detached_outcome detached_run::tell(const ending& end, std::chrono::steady_clock::duration took) const {
  const auto& config = of_->config();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
  const int status = static_cast<int>(end.status);
  if (end.reason.empty()) {
    of_->log().info(
        "detached call ended",
        {{"app", config.app}, {"fn", config.name}, {"call", id_}, {"status", status}, {"ms", ms}});
    return detached_outcome::succeeded;
  }
  of_->log().warn("detached call failed", {{"app", config.app},
                                           {"fn", config.name},
                                           {"call", id_},
                                           {"status", status},
                                           {"ms", ms},
                                           {"reason", end.reason}});
  return detached_outcome::failed;
}

} // namespace hotslot::daemon
