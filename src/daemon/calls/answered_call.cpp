#include "answered_call.hpp"

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

} // namespace

answered_call::answered_call(const function& of, http::exchange& exchange, const call_start& start,
                             function_lease lease)
  : of_(of)
  , exchange_(exchange)
  , trace_(start.trace)
  , context_{.call_id = start.id,
             .deadline = std::chrono::system_clock::now() + of.config().timeout,
             .http_trigger = start.http_trigger}
  , lease_(std::move(lease)) {}

asio::awaitable<http::response> answered_call::run(const function& of, http::request&& request,
                                                   http::exchange& exchange, call_start start) {
  if (const auto why = of.refuse(request, exchange))
    co_return of.answer(*why, start.id);
  const auto began = function_queue::clock_type::now();
  function_lease lease = of.pool()->queue().try_acquire();
  if (!lease) {
    error_code ec;
    if (start.trace)
      start.trace->wait_begins();
    std::tie(ec, lease) = co_await of.pool()->queue().async_acquire(began + of.config().wait_timeout,
                                                                    asio::as_tuple(asio::use_awaitable));
    if (start.trace)
      start.trace->wait_ends(ec ? std::nullopt : std::optional(lease->calls() == 0));
    if (ec)
      co_return of.answer(of.why_no_worker(ec), start.id);
  }
  answered_call call(of, exchange, start, std::move(lease));
  co_return co_await call.on_worker(std::move(request));
}

asio::awaitable<http::response> answered_call::on_worker(http::request&& request) {
  exchange_.expires_after(of_.config().timeout);
  const auto part = exchange_.has_more() ? process::body_part::beginning : process::body_part::whole;
  error_code failure;
  try {
    if (trace_)
      trace_->run_begins(request, of_.config().app + '/' + of_.config().name, lease_->worker_id());
    uploaded_ = request.body().size();
    co_await lease_->send(process::make_call_request(std::move(request), context_, part));
    uploads_ = exchange_.has_more() || lease_->has_unsent();
    if (!uploads_)
      co_return co_await answer();
    co_return co_await answer_while_uploading();
  } catch (const boost::system::system_error& e) {
    failure = e.code();
  }
  if (failure == process::errc::connection_lost && lease_)
    co_await tell_why_lost(failure);
  co_return failed(failure);
}

// A worker whose connection is lost may have run out of memory.
asio::awaitable<void> answered_call::tell_why_lost(error_code& failure) {
  bool memory = false;
  try {
    memory = co_await lease_->ran_out_of_memory();
  } catch (const std::exception&) { // cancelled meanwhile: then it stays what it is
  }
  if (memory)
    failure = process::errc::out_of_memory;
}

http::response answered_call::failed(const error_code& failure) {
  lease_.discard();
  if (trace_) {
    trace_->run_ends(failure.message());
    if (begun_)
      trace_->broke_off(failure.message());
  }
  auto response = of_.answer(why_failed(failure), context_.call_id);
  if (begun_) // what is missing is all that can be told now
    throw boost::system::system_error(failure);
  return response;
}

// A function may answer before it has read its whole request, or instead of that. Its worker is given back
// once it has been sent everything, or else when both have ended.
asio::awaitable<http::response> answered_call::answer_while_uploading() {
  auto response = co_await decided_by(answer(), upload());
  uploads_ = false;
  if (lease_)
    give_back();
  co_return response;
}

// Passes the request on while it comes, no faster than the function reads it.
asio::awaitable<void> answered_call::upload() {
  if (lease_->has_unsent())
    co_await lease_->send_rest();
  for (std::string piece; exchange_.has_more();) {
    co_await exchange_.read(piece);
    count_upload(piece.size());
    co_await lease_->send_piece(piece, !exchange_.has_more());
  }
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
  if (lease_->has_more())
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
  if (trace_)
    trace_->answered(head.result_int());
  co_await exchange_.begin(head);
  std::string piece = std::move(head.body());
  std::uint64_t passed = piece.size();
  while (worker.has_more()) {
    co_await exchange_.write(piece);
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
  if (uploads_ && !lease_->reusable())
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
  if (exchange_.expired())
    return {http::status::gateway_timeout, "the function did not answer in time"};
  if (exchange_.abandoned())
    return {http::status::service_unavailable, "the caller has gone"};
  if (ec == asio::error::operation_aborted)
    return {http::status::bad_request, "the request broke off"};
  return {process::failure_status(ec), ec.message()};
}

} // namespace hotslot::daemon
