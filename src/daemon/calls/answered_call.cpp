#include "answered_call.hpp"

#include "moved_call.hpp"

#include <hotslot/decided_by.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

namespace hotslot::daemon {
namespace {

constexpr std::uint64_t longest_whole_reply = 10 * 1024 * 1024;

constexpr std::string_view event_stream = "text/event-stream";

// For a function to notice that its caller is no more.
constexpr std::chrono::seconds shortest_end{2};

refusal nobody_waits(const http::exchange& exchange) {
  return {http::status::service_unavailable, exchange.cut() ? "the server ends" : "the caller has gone"};
}

bool is_failure(unsigned status) { return status >= 500; }

} // namespace

answered_call::answered_call(const function& of, http::exchange& exchange, const call_start& start,
                             function_lease lease)
  : of_(of)
  , exchange_(exchange)
  , trace_(start.trace)
  , context_(context_of(start, std::chrono::system_clock::now() + of.config().timeout))
  , lease_(std::move(lease)) {}

asio::awaitable<http::response> answered_call::run(const function& of, http::request&& request,
                                                   http::exchange& exchange, call_start start) {
  const auto refused = [&](const refusal& why) {
    of.pool()->note_answer(static_cast<unsigned>(why.status));
    return of.answer(why, start.id);
  };
  if (const auto why = of.refuse(request, exchange, context_of(start)))
    co_return refused(*why);
  function_lease lease = of.pool()->queue().try_acquire();
  if (!lease) {
    const auto ec = co_await acquire(of, start.trace, lease);
    if (ec)
      co_return refused(exchange.abandoned() ? nobody_waits(exchange) : of.why_no_worker(ec));
  }
  answered_call call(of, exchange, start, std::move(lease));
  auto response = co_await call.on_worker(std::move(request));
  const unsigned status = call.begun_ ? call.answered_ : response.result_int();
  of.pool()->note_answer(status);
  if (!call.is_callers_doing_)
    of.pool()->note_run(is_failure(status));
  co_return response;
}

asio::awaitable<error_code> answered_call::acquire(const function& of, call_trace* trace,
                                                   function_lease& lease) {
  error_code ec;
  if (trace)
    trace->wait_begins();
  std::tie(ec, lease) = co_await of.pool()->queue().async_acquire(
      function_queue::clock_type::now() + of.config().wait_timeout, asio::as_tuple(asio::use_awaitable));
  if (trace && ec)
    trace->wait_ends(std::nullopt);
  co_return ec;
}

asio::awaitable<http::response> answered_call::on_worker(http::request&& request) {
  end_wait();
  deadline_ = std::chrono::steady_clock::now() + of_.config().timeout;
  exchange_.expires_at(deadline_);
  const auto part = exchange_.has_more() ? process::body_part::beginning : process::body_part::whole;
  if (trace_)
    trace_->run_begins(request, of_.config().app + '/' + of_.config().name, lease_->worker_id());
  uploaded_ = request.body().size();
  std::optional call = process::make_call_request(std::move(request), context_, part);
  error_code failure;
  for (moved_call moved; call; call = moved.take(of_, lease_, failure)) {
    try {
      if (!lease_)
        co_await acquire_another();
      co_await lease_->send(std::move(*call));
      uploads_ = exchange_.has_more() || lease_->has_unsent();
      if (!uploads_)
        co_return co_await answer();
      co_return co_await answer_while_uploading();
    } catch (const boost::system::system_error& e) {
      failure = e.code();
    }
  }
  try {
    failure = co_await why_lost(lease_, failure);
  } catch (const boost::system::system_error&) { // cancelled meanwhile: then it stays what it is
  }
  co_return failed(failure);
}

// Not where it ends: a lease that was looked at is no longer as good as new, should the call be cancelled
// then.
void answered_call::end_wait() {
  if (trace_)
    trace_->wait_ends(lease_->calls() == 0);
}

asio::awaitable<void> answered_call::acquire_another() {
  if (trace_)
    trace_->run_moves();
  no_worker_ = co_await acquire(of_, trace_, lease_);
  if (no_worker_)
    throw boost::system::system_error(no_worker_);
  end_wait();
  if (trace_)
    trace_->run_begins_on(lease_->worker_id());
}

http::response answered_call::failed(const error_code& failure) {
  is_callers_doing_ = is_callers_doing(failure);
  if (lease_)
    leave_worker();
  if (trace_) {
    trace_->run_ends(failure.message());
    if (begun_)
      trace_->broke_off(failure.message());
  }
  auto response = of_.answer(why_failed(failure), context_.call_id);
  if (begun_) { // what is missing is all that can be told now
    of_.pool()->note_answer(0);
    if (!is_callers_doing_)
      of_.pool()->note_run(true);
    throw boost::system::system_error(failure);
  }
  return response;
}

bool answered_call::is_callers_doing(const error_code& failure) const {
  const bool function_is_late = exchange_.expired() && caller_owes_ == 0 && !too_large_;
  return failure == asio::error::operation_aborted && !function_is_late;
}

void answered_call::leave_worker() {
  if (endless_ || !is_callers_doing_)
    return lease_.discard();
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(deadline_ - std::chrono::steady_clock::now());
  of_.services().unheard->see_to(exchange_.get_executor(),
                                 {.pool = of_.pool(),
                                  .lease = std::move(lease_),
                                  .id = std::string(context_.call_id),
                                  .sent_whole = !uploads_,
                                  .longest_answer = of_.config().limits.reply_body,
                                  .most = std::max<std::chrono::milliseconds>(left, shortest_end)});
}

asio::awaitable<void> answered_call::read_from_caller(std::string& piece) {
  ++caller_owes_;
  co_await exchange_.read(piece);
  --caller_owes_;
}

asio::awaitable<void> answered_call::write_to_caller(std::string_view piece) {
  ++caller_owes_;
  co_await exchange_.write(piece);
  --caller_owes_;
}

// A function may answer before it has read its whole request, or instead of that. Its worker is given back
// once it has been sent everything, or else when both have ended.
asio::awaitable<http::response> answered_call::answer_while_uploading() {
  auto response = co_await decided_by(answer(), upload());
  if (lease_ && std::exchange(uploads_, false))
    lease_->stop_sending();
  if (lease_)
    give_back();
  co_return response;
}

// Passes the request on while it comes, no faster than the function reads it.
asio::awaitable<void> answered_call::upload() {
  if (lease_->has_unsent())
    co_await lease_->send_rest();
  for (std::string piece; exchange_.has_more();) {
    co_await read_from_caller(piece);
    count_upload(piece.size());
    co_await lease_->send_piece(piece, !exchange_.has_more());
  }
  uploads_ = false;
}

// Whatever the function does by then, the caller is refused.
void answered_call::count_upload(std::uint64_t bytes) {
  uploaded_ += bytes;
  if (uploaded_ <= of_.config().limits.request_body)
    return;
  too_large_ = true;
  exchange_.expires_after({}); // ends the answer, too
  throw boost::system::system_error(asio::error::operation_aborted);
}

asio::awaitable<http::response> answered_call::answer() {
  auto reply = co_await lease_->receive(of_.config().reply_buffer);
  check_length(reply);
  if (lease_->has_more() && process::may_stream(reply, context_))
    co_return co_await relay(std::move(reply));
  if (lease_->has_more() && process::needs_body(reply))
    reply = co_await read_whole(std::move(reply));
  status_ = reply.result_int();
  auto [response, verdict] = process::make_caller_reply(std::move(reply), context_);
  verdict_ = verdict;
  if (trace_)
    trace_->run_ends(response.result_int() < 500 ? "" : response.body());
  give_back();
  co_return std::move(response);
}

// Passes the reply on while it comes, no faster than the caller takes it. The worker is free again as soon as
// it has written all.
asio::awaitable<http::response> answered_call::relay(process::call_reply reply) {
  process::function_slot& worker = *lease_;
  status_ = reply.result_int();
  auto [head, verdict] =
      process::make_caller_reply(std::move(reply), context_, process::body_part::beginning);
  verdict_ = verdict;
  if (verdict == process::worker_verdict::discard) {
    give_back();
    co_return std::move(head);
  }
  begun_ = true;
  endless_ =
      boost::beast::iequals(head[http::field::content_type].substr(0, event_stream.size()), event_stream);
  answered_ = head.result_int();
  if (trace_)
    trace_->answered(answered_);
  co_await exchange_.begin(head);
  std::string piece = std::move(head.body());
  std::uint64_t passed = piece.size();
  while (worker.has_more()) {
    co_await write_to_caller(piece);
    co_await worker.read(piece);
    passed += piece.size();
    if (passed > of_.config().limits.reply_body)
      throw boost::system::system_error(process::errc::reply_too_large);
  }
  if (trace_)
    trace_->run_ends();
  give_back();
  co_await exchange_.write(piece);
  co_return http::response();
}

// What the caller gets depends on the body.
asio::awaitable<process::call_reply> answered_call::read_whole(process::call_reply reply) {
  const auto most = std::min(longest_whole_reply, of_.config().limits.reply_body);
  std::string piece;
  while (lease_->has_more()) {
    co_await lease_->read(piece);
    reply.body() += piece;
    if (reply.body().size() > most)
      throw boost::system::system_error(process::errc::reply_too_large);
  }
  co_return reply;
}

void answered_call::give_back() {
  if (uploads_)
    return; // it is being sent the request still
  const bool keep = verdict_ == process::worker_verdict::keep;
  if (!keep)
    of_.log().warn("function answered with a status that ends it", {{"app", of_.config().app},
                                                                    {"fn", of_.config().name},
                                                                    {"call", context_.call_id},
                                                                    {"status", status_}});
  const bool fit = keep && lease_->reusable();
  lease_.release(fit ? worker_condition::clean : worker_condition::dirty);
}

void answered_call::check_length(const process::call_reply& reply) const {
  const auto most = of_.config().limits.reply_body;
  if (most == call_limits::none)
    return;
  if (reply.body().size() > most || http::stated_length(reply).value_or(0) > most)
    throw boost::system::system_error(process::errc::reply_too_large);
}

refusal answered_call::why_failed(const error_code& ec) const {
  if (too_large_)
    return body_too_large();
  if (exchange_.expired() && caller_owes_ != 0)
    return {http::status::request_timeout,
            begun_ ? "the answer was not taken in time" : "the request did not arrive in time"};
  if (exchange_.expired())
    return {http::status::gateway_timeout, "the function did not answer in time"};
  if (exchange_.abandoned())
    return nobody_waits(exchange_);
  if (no_worker_)
    return of_.why_no_worker(no_worker_);
  if (ec == asio::error::operation_aborted)
    return {exchange_.refused().value_or(http::status::bad_request), "the request broke off"};
  return {process::failure_status(ec), ec.message()};
}

} // namespace hotslot::daemon
