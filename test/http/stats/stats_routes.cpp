#include <hotslot/http/stats_routes.hpp>
#include <hotslot/version.hpp>

#include "../server/client.hpp"
#include "catch.hpp"
#include "samples.hpp"

#include <boost/json.hpp>

#include <ctime>

using namespace hotslot;
using namespace hotslot::http;
namespace json = boost::json;
using test::message_of;

namespace {

request make(verb method, std::string_view target) {
  request req(method, boost::beast::string_view(target.data(), target.size()), 11);
  req.set(field::host, "test");
  return req;
}

response get(const stats_routes& routes, std::string_view target) {
  return routes.handle(make(verb::get, target));
}

std::chrono::milliseconds cpu_time() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return std::chrono::milliseconds(t.tv_sec * 1000 + t.tv_nsec / 1'000'000);
}

const stats_routes sample_routes({.pool = test::sample_pool});

} // namespace

TEST_CASE("/stats is the documented JSON") {
  const response res = get(sample_routes, "/stats");
  CHECK(res.result() == status::ok);
  CHECK(res[field::content_type] == "application/json");
  CHECK(res[field::cache_control] == "no-cache");
  CHECK(res[field::content_length] == std::to_string(res.body().size()));
  const json::value expected = json::parse(R"({
    "schema": 1,
    "totals": {"queues": 2, "states": {"waiter": 6, "starter": 4, "runner": 2}, "idle": 8, "busy": 10,
      "validating": 14, "resetting": 16, "pinged": 18, "resource_waiters": 12, "errors": 186, "acquired": 20, "timed_out": 22, "cancelled": 24, "shed": 26, "failed": 28,
      "launched": 30, "launch_failed": 32, "ejected_idle": 34, "ejected_gone": 36, "ejected_dirty": 38,
      "ejected_requested": 40, "ejected_closed": 42,
      "ejected_aged": 44, "ejected_worn": 46, "ejected_recycled": 48, "ejected_surplus": 50, "ejected_evicted": 52,
      "shed_overloaded": 54, "shed_late": 56, "ejected_unfit": 58, "detached_slots": 60, "leaked": 62},
    "queues": [
      {"key": "00ff", "id": "01ID", "app": "demo", "name": "echo", "trigger": "/echo", "condition": "starting", "errors": 93,
       "states": {"waiter": 3, "starter": 2, "runner": 1},
       "latencies_ms": {"waiter": 0.00025, "starter": 2000.000001, "runner": 1.5},
       "idle": 4, "busy": 5, "validating": 7, "resetting": 8, "pinged": 9, "resource_waiters": 6, "max_workers": 32, "suspended": false,
       "totals": {"acquired": 10, "timed_out": 11, "cancelled": 12, "shed": 13, "failed": 14, "launched": 15,
         "launch_failed": 16, "ejected_idle": 17, "ejected_gone": 18, "ejected_dirty": 19,
         "ejected_requested": 20, "ejected_closed": 21,
         "ejected_aged": 22, "ejected_worn": 23, "ejected_recycled": 24, "ejected_surplus": 25, "ejected_evicted": 26,
         "shed_overloaded": 27, "shed_late": 28, "ejected_unfit": 29, "detached_slots": 30, "leaked": 31}},
      {"key": "a1b2", "id": "01ID", "app": "demo", "name": "slow", "trigger": "/echo", "condition": "starting", "errors": 93,
       "states": {"waiter": 3, "starter": 2, "runner": 1},
       "latencies_ms": {"waiter": 0.00025, "starter": 2000.000001, "runner": 1.5},
       "idle": 4, "busy": 5, "validating": 7, "resetting": 8, "pinged": 9, "resource_waiters": 6, "max_workers": 32, "suspended": false,
       "totals": {"acquired": 10, "timed_out": 11, "cancelled": 12, "shed": 13, "failed": 14, "launched": 15,
         "launch_failed": 16, "ejected_idle": 17, "ejected_gone": 18, "ejected_dirty": 19,
         "ejected_requested": 20, "ejected_closed": 21,
         "ejected_aged": 22, "ejected_worn": 23, "ejected_recycled": 24, "ejected_surplus": 25, "ejected_evicted": 26,
         "shed_overloaded": 27, "shed_late": 28, "ejected_unfit": 29, "detached_slots": 30, "leaked": 31}}]})");
  CHECK(json::parse(res.body()) == expected);
}

TEST_CASE("/stats of nothing") {
  const stats_routes routes({.pool = [] { return pool_snapshot{}; }});
  const json::value doc = json::parse(get(routes, "/stats").body());
  CHECK(doc.at("queues").as_array().empty());
  CHECK(doc.at("totals").at("idle") == 0);
}

TEST_CASE("/stats survives any name") {
  const std::string odd = "a\"b\\c\n\x01<>\xc3\xa9";
  const stats_routes routes({.pool = [&] { return pool_snapshot{{test::sample_queue("00", odd, odd)}}; }});
  const json::value doc = json::parse(get(routes, "/stats").body());
  CHECK(doc.at("queues").at(0).at("app") == json::string(odd));
}

TEST_CASE("/healthz, /readyz and /version") {
  bool ready = true;
  const stats_routes routes({.pool = test::sample_pool}, {.ready = [&] { return ready; }, .version = "9.9"});
  CHECK(get(routes, "/healthz").result() == status::ok);
  CHECK(get(routes, "/readyz").result() == status::ok);
  CHECK(get(sample_routes, "/readyz").result() == status::ok);
  ready = false;
  CHECK(get(routes, "/healthz").result() == status::ok);
  CHECK(get(routes, "/readyz").result() == status::service_unavailable);
  CHECK(message_of(get(routes, "/readyz")) == "draining");
  CHECK(json::parse(get(routes, "/version").body()).at("version") == "9.9");
  CHECK(json::parse(get(sample_routes, "/version").body()).at("version") == HOTSLOT_VERSION);
}

TEST_CASE("HEAD is GET without the body") {
  for (auto path : {"/stats", "/metrics", "/healthz", "/readyz", "/version", "/nothing"}) {
    const response full = get(sample_routes, path);
    const response head = sample_routes.handle(make(verb::head, path));
    CHECK(head.result() == full.result());
    CHECK(head.body().empty());
    CHECK(head[field::content_length] == full[field::content_length]);
    CHECK(head[field::content_type] == full[field::content_type]);
  }
}

TEST_CASE("errors are JSON") {
  for (auto path : {"", "/stat", "/stats/", "/statsx", "*", "//stats"}) {
    CHECK(get(sample_routes, path).result() == status::not_found);
    CHECK_FALSE(message_of(get(sample_routes, path)).empty());
  }
  for (auto method : {verb::post, verb::put, verb::delete_, verb::options, verb::unknown}) {
    const response res = sample_routes.handle(make(method, "/stats"));
    CHECK(res.result() == status::method_not_allowed);
    CHECK(res[field::allow] == "GET, HEAD");
    CHECK_FALSE(message_of(res).empty());
  }
}

TEST_CASE("queries and absolute targets are understood") {
  CHECK(get(sample_routes, "/stats?top=3").result() == status::ok);
  CHECK(get(sample_routes, "http://admin:8081/stats?x").result() == status::ok);
  CHECK(get(sample_routes, "http://admin:8081").result() == status::ok);
  CHECK(target_path("http://h") == "/");
  CHECK(target_path("/a?b://c/d") == "/a");
}

TEST_CASE("the routes can be mounted under a prefix") {
  const stats_routes routes({.pool = test::sample_pool}, {.prefix = "/internal/hotslot"});
  CHECK(get(routes, "/internal/hotslot/stats").result() == status::ok);
  CHECK(get(routes, "/stats").result() == status::not_found);
  CHECK(get(routes, "/internal/hotslotstats").result() == status::not_found);
  CHECK(routes.owns("/internal/hotslot/whatever?x"));
  CHECK_FALSE(routes.owns("/internal/hotslots"));
  CHECK_FALSE(routes.owns("/internal"));
  CHECK(sample_routes.owns("/stats"));
}

TEST_CASE("ten thousand queues") {
  pool_snapshot pool;
  for (int i = 0; i < 10'000; ++i)
    pool.queues.push_back(
        test::sample_queue(std::string(59, 'a') + std::to_string(10'000 + i), "app", "function"));
  const stats_routes routes({.pool = [&] { return pool; }});
  auto before = cpu_time();
  const response stats = get(routes, "/stats");
  const auto json_ms = (cpu_time() - before).count();
  before = cpu_time();
  const response metrics = get(routes, "/metrics");
  const auto metrics_ms = (cpu_time() - before).count();
  CHECK(json::parse(stats.body()).at("queues").as_array().size() == 10'000);
  UNSCOPED_INFO(json_ms << " ms, " << stats.body().size() << " bytes; " << metrics_ms << " ms, "
                        << metrics.body().size() << " bytes");
  // The bar for an optimized build is 50 ms; sanitizers and loaded machines are given room.
  CHECK(json_ms < 1'500);
  CHECK(metrics_ms < 1'500);
}
