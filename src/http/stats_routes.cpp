#include <hotslot/http/stats_routes.hpp>

#include <hotslot/http/stats_json.hpp>
#include <hotslot/http/stats_prometheus.hpp>

#include "text.hpp"

#include <cassert>

namespace hotslot::http {
namespace {

constexpr std::string_view json = "application/json";

std::string_view text_of(boost::beast::string_view s) { return {s.data(), s.size()}; }

response not_found() { return make_error(status::not_found, "no such resource"); }

response method_not_allowed() {
  response res = make_error(status::method_not_allowed, "only GET and HEAD are allowed here");
  res.set(field::allow, "GET, HEAD");
  return res;
}

bool known(std::string_view route) {
  for (std::string_view r : {"/stats", "/metrics", "/healthz", "/readyz", "/version"})
    if (r == route)
      return true;
  return false;
}

} // namespace

stats_routes::stats_routes(snapshot_source source, stats_options options)
  : source_(std::move(source))
  , options_(std::move(options)) {
  assert(source_);
  if (options_.version.empty())
    options_.version = HOTSLOT_VERSION;
}

bool stats_routes::owns(std::string_view target) const noexcept { return route_of(target).starts_with('/'); }

std::string_view stats_routes::route_of(std::string_view target) const noexcept {
  const std::string_view path = target_path(target);
  return path.starts_with(options_.prefix) ? path.substr(options_.prefix.size()) : std::string_view();
}

response stats_routes::handle(const request& req) const {
  const std::string_view route = route_of(text_of(req.target()));
  const bool head = req.method() == verb::head;
  response res = !known(route)                        ? not_found()
                 : !head && req.method() != verb::get ? method_not_allowed()
                                                      : get(route);
  res.set(field::cache_control, "no-store");
  if (head)
    res.body().clear();
  return res;
}

response stats_routes::get(std::string_view route) const {
  if (route == "/stats")
    return make_response(status::ok, json, render_json(source_()));
  if (route == "/metrics")
    return make_response(status::ok, prometheus_content_type, render_prometheus(source_(), options_.version));
  if (route == "/readyz")
    return readiness();
  if (route == "/version")
    return version();
  return make_response(status::ok, json, "{\"status\":\"ok\"}\n");
}

response stats_routes::readiness() const {
  if (options_.ready && !options_.ready())
    return make_error(status::service_unavailable, "draining");
  return make_response(status::ok, json, "{\"status\":\"ready\"}\n");
}

response stats_routes::version() const {
  std::string body = "{\"name\":\"hotslot\",\"version\":";
  append_json_string(body, options_.version);
  body += "}\n";
  return make_response(status::ok, json, std::move(body));
}

} // namespace hotslot::http
