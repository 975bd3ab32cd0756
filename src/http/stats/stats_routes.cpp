#include <hotslot/http/stats_routes.hpp>

#include <hotslot/http/stats_json.hpp>
#include <hotslot/http/stats_metrics.hpp>
#include <hotslot/version.hpp>

#include "http/content/content.hpp"
#include "http/content/negotiation.hpp"
#include "http/page/page.hpp"
#include "stats_query.hpp"
#include "text.hpp"

#include "base/number.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <cassert>
#include <memory>
#include <span>

namespace hotslot::http {
namespace {

constexpr std::string_view json = "application/json";

response not_found() { return make_error(status::not_found, "no such resource"); }

response method_not_allowed() {
  response res = make_error(status::method_not_allowed, "only GET and HEAD are allowed here");
  res.set(field::allow, "GET, HEAD");
  return res;
}

constexpr std::string_view stream_route = "/stats/stream";
constexpr std::string_view one_queue = "/stats/";

bool known(std::string_view route) {
  for (std::string_view r : {"/stats", "/metrics", "/healthz", "/readyz", "/version"})
    if (r == route)
      return true;
  if (find_page_file(route))
    return true;
  return route.starts_with(one_queue) && route.size() > one_queue.size();
}

// A browser keeps it, and asks each time whether it is still so.
void revalidated(const request& req, response& res) {
  res.set(field::cache_control, "no-cache");
  negotiate_content(req, res);
}

} // namespace

stats_routes::stats_routes(stats_source source, stats_options options)
  : source_(std::move(source))
  , options_(std::move(options))
  , metric_keys_(std::make_shared<metric_keys>(options_.max_metric_keys)) {
  assert(source_.pool);
  if (options_.version.empty())
    options_.version = HOTSLOT_VERSION;
}

bool stats_routes::owns(std::string_view target) const noexcept {
  return route_of(target).starts_with('/') || is_mount(target);
}

bool stats_routes::is_mount(std::string_view target) const noexcept {
  return !options_.prefix.empty() && target_path(target) == options_.prefix;
}

std::string_view stats_routes::route_of(std::string_view target) const noexcept {
  const std::string_view path = target_path(target);
  return path.starts_with(options_.prefix) ? path.substr(options_.prefix.size()) : std::string_view();
}

bool stats_routes::is_stream(const request& req) const noexcept {
  return (req.method() == verb::get || req.method() == verb::head) && route_of(req.target()) == stream_route;
}

bool stats_routes::is_costly(const request& req) const noexcept {
  const auto route = route_of(req.target());
  return route.starts_with("/stats") || route == "/metrics";
}

response stats_routes::handle(const request& req) const {
  const std::string_view target = req.target();
  const std::string_view route = route_of(target);
  const bool mount = is_mount(target);
  const bool head = req.method() == verb::head;
  response res = !known(route) && !mount              ? not_found()
                 : !head && req.method() != verb::get ? method_not_allowed()
                 : mount                              ? to_page(target)
                                                      : get(req, route);
  if (res.count(field::cache_control) == 0)
    res.set(field::cache_control, "no-store");
  if (head)
    res.body().clear();
  return res;
}

// Relative, so that it holds behind a proxy that mounts the prefix elsewhere.
response stats_routes::to_page(std::string_view target) const {
  std::string location = "./";
  location.append(options_.prefix, options_.prefix.rfind('/') + 1).append("/");
  if (const auto query = target.find('?'); query != target.npos)
    location.append(target.substr(query));
  response res = make_error(status::permanent_redirect, "the page is at the same address with a slash");
  res.set(field::location, location);
  return res;
}

response stats_routes::get(const request& req, std::string_view route) const {
  if (const auto* file = find_page_file(route))
    return serve_page_file(req, *file);
  if (route == "/metrics")
    return metrics(req);
  if (route == "/healthz")
    return make_response(status::ok, json, "{\"status\":\"ok\"}\n");
  if (route == "/readyz")
    return readiness();
  if (route == "/version")
    return version();
  try {
    if (route == stream_route) {
      response one = stream(target_query(req.target()));
      compress_content(req, one);
      return one;
    }
    response res = route == "/stats" ? pool(target_query(req.target()))
                                     : queue(decode_segment(route.substr(one_queue.size())));
    if (res.result() == status::ok)
      revalidated(req, res);
    return res;
  } catch (const bad_query& e) {
    return make_error(status::bad_request, e.what());
  }
}

std::string stats_routes::render_pool(std::string_view query) const {
  const auto asked = stats_query::parse(query);
  pool_snapshot all = source_.pool();
  const auto chosen = asked.apply(all);
  if (asked.with_waits())
    add_waits(all, chosen.shown);
  return render_json(all, chosen.shown, chosen.matching);
}

void stats_routes::add_waits(pool_snapshot& to, std::size_t shown) const {
  if (!source_.histograms)
    return;
  for (auto& q : std::span(to.queues).first(std::min(shown, to.queues.size())))
    if (const auto histograms = source_.histograms(q.key))
      q.waits = std::make_shared<const latency_histogram>(histograms->all_waits());
}

response stats_routes::pool(std::string_view query) const {
  return make_response(status::ok, json, render_pool(query));
}

std::string stats_routes::event(std::string_view query) const {
  std::string text = "event: stats\ndata: ";
  text += render_pool(query); // has no line end but its last
  text += '\n';
  return text;
}

response stats_routes::stream(std::string_view query) const {
  std::string text = "retry: ";
  base::append_number(text, static_cast<std::uint64_t>(parse_interval(query).count()));
  text += '\n';
  text += event(query);
  return make_response(status::ok, "text/event-stream", std::move(text));
}

response stats_routes::queue(std::string_view key) const {
  const auto detail = find(key);
  return detail ? make_response(status::ok, json, render_json(*detail))
                : make_error(status::not_found, "no queue has this key");
}

std::optional<queue_detail> stats_routes::find(std::string_view key) const {
  if (source_.detail)
    return source_.detail(key);
  pool_snapshot all = source_.pool();
  const auto it =
      std::find_if(all.queues.begin(), all.queues.end(), [key](const auto& q) { return q.key == key; });
  if (it == all.queues.end())
    return std::nullopt;
  queue_detail known;
  known.queue = std::move(*it);
  if (source_.histograms)
    known.histograms = source_.histograms(key).value_or(queue_histograms{});
  return known;
}

response stats_routes::metrics(const request& req) const {
  const auto more = options_.more_metrics ? options_.more_metrics() : std::vector<metric_family>();
  metrics_options how{.version = options_.version, .more = more};
  if (prefers_openmetrics(req[field::accept]))
    how.format = metrics_format::openmetrics;
  response res = make_response(status::ok, content_type(how.format),
                               render_metrics(source_.pool(), source_.histograms, *metric_keys_, how));
  res.set(field::vary, "Accept");
  compress_content(req, res);
  return res;
}

response stats_routes::readiness() const {
  if (options_.ready && !options_.ready())
    return make_error(status::service_unavailable, "draining");
  return make_response(status::ok, json, "{\"status\":\"ready\"}\n");
}

response stats_routes::version() const {
  std::string body = "{\"name\":\"hotslot\",\"version\":";
  base::append_json_string(body, options_.version);
  body += "}\n";
  return make_response(status::ok, json, std::move(body));
}

} // namespace hotslot::http
