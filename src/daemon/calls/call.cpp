#include "call.hpp"

#include "answered_call.hpp"
#include "call_spans.hpp"
#include "detached_run.hpp"

#include <boost/beast/core/string.hpp>

#include <fmt/format.h>

#include <atomic>
#include <cstdint>
#include <random>
#include <utility>

namespace hotslot::daemon {
namespace {

std::string draw_prefix() {
  std::random_device random;
  return fmt::format("{:016x}", (std::uint64_t{random()} << 32) | random());
}

bool is_detached(const http::request& request) {
  return boost::beast::iequals(request["Fn-Invoke-Type"], "detached");
}

asio::awaitable<http::response> start_call(const function& of, http::request&& request,
                                           http::exchange& exchange, call_start start) {
  return start.detached ? accept_detached(of, std::move(request), exchange, std::move(start))
                        : answered_call::run(of, std::move(request), exchange, std::move(start));
}

asio::awaitable<http::response> start_traced(const function& of, http::request&& request,
                                             http::exchange& exchange, call_start start) {
  call_trace trace(*of.services().spans, request, span_kind::server);
  describe_call(trace, of.config(), request, exchange, start);
  start.trace = &trace;
  if (start.detached)
    trace.put_into(request); // for when it runs
  auto response = co_await start_call(of, std::move(request), exchange, std::move(start));
  trace.answered(response.result_int());
  co_return response;
}

} // namespace

std::string make_call_id() {
  static const std::string prefix = draw_prefix();
  static std::atomic<std::uint64_t> count{0};
  constexpr std::uint64_t ten_digits = 0xff'ffff'ffff;
  return fmt::format("{}{:010x}", prefix, count.fetch_add(1, std::memory_order_relaxed) & ten_digits);
}

asio::awaitable<http::response> call(const function& of, http::request&& request, http::exchange& exchange,
                                     bool http_trigger) {
  call_start start{
      .id = make_call_id(), .http_trigger = http_trigger, .detached = !http_trigger && is_detached(request)};
  return of.services().spans ? start_traced(of, std::move(request), exchange, std::move(start))
                             : start_call(of, std::move(request), exchange, std::move(start));
}

} // namespace hotslot::daemon
