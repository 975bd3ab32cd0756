#include "call.hpp"

#include "answered_call.hpp"
#include "call_spans.hpp"
#include "detached_run.hpp"

#include <hotslot/launcher_options.hpp>

#include <boost/beast/core/string.hpp>

#include <fmt/format.h>

#include <atomic>
#include <cstdint>
#include <utility>

namespace hotslot::daemon {
namespace {

std::string draw_prefix() { return fmt::format("{:08x}{:08x}", random_bits(), random_bits()); }

bool is_detached(const http::request& request) {
  return boost::beast::iequals(request["Fn-Invoke-Type"], "detached");
}

call_start make_start(const http::request& request, std::string_view scheme, bool http_trigger) {
  return {.id = make_call_id(),
          .scheme = scheme,
          .http_trigger = http_trigger,
          .detached = !http_trigger && is_detached(request)};
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
  trace.put_into(request); // so that its header is as long as it will be, and for when a detached one runs
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
  call_start start = make_start(request, exchange.scheme(), http_trigger);
  return of.services().spans ? start_traced(of, std::move(request), exchange, std::move(start))
                             : start_call(of, std::move(request), exchange, std::move(start));
}

std::optional<http::response> refuse_call_early(const function& of, const http::request& head,
                                                bool http_trigger) {
  const auto start = make_start(head, "http", http_trigger);
  const auto length = http::stated_length(head).value_or(0);
  auto why = of.refuse_head(head, length, context_of(start));
  if (!why && start.detached)
    why = refuse_detached(of, length);
  return why ? std::optional(of.answer(*why, start.id)) : std::nullopt;
}

} // namespace hotslot::daemon
