#include "call_spans.hpp"

#include "daemon/log/client_text.hpp"

#include <string>

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

void describe_call(call_trace& trace, const function_config& of, const http::request& request,
                   const http::exchange& exchange, const call_start& start) {
  if (!trace.sampled())
    return;
  span& root = trace.root();
  const auto route = route_of(of, start.http_trigger);
  const auto method = method_of(request);
  root.name = method == "_OTHER" ? "HTTP" : method;
  root.name.append(" ").append(route);
  root.set("http.request.method", method);
  root.set("http.route", route);
  root.set("url.path", std::string(http::target_path(request.target())));
  root.set("url.scheme", std::string(exchange.scheme()));
  root.set("network.protocol.version", std::string(request.version() < 11 ? "1.0" : "1.1"));
  root.set("client.address", client_text(exchange.client_address()));
  if (const auto agent = request[http::field::user_agent]; !agent.empty())
    root.set("user_agent.original", std::string(agent));
  root.set("faas.trigger", std::string("http"));
  root.set("faas.name", name_of(of));
  root.set("faas.invocation_id", start.id);
}

void describe_detached(call_trace& trace, const function_config& of, std::string_view call_id) {
  if (!trace.sampled())
    return;
  span& root = trace.root();
  root.name = "detached " + name_of(of);
  root.set("faas.trigger", std::string("other"));
  root.set("faas.name", name_of(of));
  root.set("faas.invocation_id", std::string(call_id));
}

} // namespace hotslot::daemon
