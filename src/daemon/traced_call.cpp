// How a call is told in spans.
#include "function.hpp"

#include <string>
#include <utility>

namespace hotslot::daemon {

namespace {

std::string name_of(const function_config& f) { return f.app + '/' + f.name; }

// One for each function, whichever way it was called: a name that many spans share.
std::string route_of(const function_config& f, bool http_trigger) {
  std::string route(http_trigger ? "/t/" : "/invoke/");
  return http_trigger ? route.append(f.app).append(f.trigger) : route.append(name_of(f));
}

std::string method_of(const http::request& request) {
  return request.method() == http::verb::unknown ? std::string("_OTHER")
                                                 : std::string(request.method_string());
}

} // namespace

asio::awaitable<http::response> function::call_traced(http::request&& request, http::exchange& exchange,
                                                      call_start start) {
  call_trace trace(*services_.spans, request, span_kind::server);
  if (trace.sampled())
    describe(trace, request, exchange, start);
  start.trace = &trace;
  const bool detached = start.detached;
  if (detached)
    trace.put_into(request); // for when it runs
  http::response response;
  if (detached)
    response = co_await call_detached(std::move(request), exchange, std::move(start));
  else
    response = co_await call_now(std::move(request), exchange, std::move(start));
  trace.answered(response.result_int());
  co_return response;
}

// By OpenTelemetry's semantic conventions for HTTP and FaaS.
void function::describe(call_trace& trace, const http::request& request, const http::exchange& exchange,
                        const call_start& start) const {
  span& root = trace.root();
  const auto route = route_of(config_, start.http_trigger);
  const auto method = method_of(request);
  root.name = method == "_OTHER" ? "HTTP" : method;
  root.name.append(" ").append(route);
  root.set("http.request.method", method);
  root.set("http.route", route);
  root.set("url.path", std::string(http::target_path(request.target())));
  root.set("url.scheme", services_.spans->scheme());
  root.set("network.protocol.version", std::string(request.version() < 11 ? "1.0" : "1.1"));
  root.set("client.address", exchange.remote_endpoint().address().to_string());
  if (const auto agent = request[http::field::user_agent]; !agent.empty())
    root.set("user_agent.original", std::string(agent));
  root.set("faas.trigger", std::string("http"));
  root.set("faas.name", name_of(config_));
  root.set("faas.invocation_id", start.id);
}

// A span of its own, below that in which it was accepted.
void function::describe_detached(call_trace& trace, std::string_view call_id) const {
  if (!trace.sampled())
    return;
  span& root = trace.root();
  root.name = "detached " + name_of(config_);
  root.set("faas.trigger", std::string("other"));
  root.set("faas.name", name_of(config_));
  root.set("faas.invocation_id", std::string(call_id));
}

void function::describe_run(call_trace& trace, http::request& request,
                            const process::function_slot& worker) const {
  trace.run_begins(request, name_of(config_), worker.worker_id());
}

} // namespace hotslot::daemon
