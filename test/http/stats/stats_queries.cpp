// What the query and the header fields of a request change in the answers of the stats routes.
#include <hotslot/http/stats_json.hpp>
#include <hotslot/http/stats_routes.hpp>

#include "catch.hpp"
#include "http/content/content.hpp"
#include "http/content/gzip.hpp"
#include "http/content/negotiation.hpp"
#include "samples.hpp"

#include <boost/json.hpp>
#include <zlib.h>

using namespace hotslot;
using namespace hotslot::http;
using namespace std::chrono_literals;
namespace json = boost::json;

namespace {

pool_snapshot three_queues() {
  pool_snapshot pool{{test::sample_queue("aa", "x", "one"), test::sample_queue("bb", "y y", "two"),
                      test::sample_queue("cc", "x", "three")}};
  pool.queues[1].queue.states = {0, 0, 9};
  pool.queues[1].queue.idle = 0;
  pool.queues[2].queue.totals.acquired = 1'000;
  return pool;
}

queue_detail detail_of(std::string_view key) {
  queue_detail d;
  d.queue = test::sample_queue(std::string(key), "x", "one");
  for (int i = 1; i <= 100; ++i)
    d.histograms.waits[static_cast<std::size_t>(wait_cause::start)].record(i * 1ms);
  d.histograms.immediate = 7;
  d.policy = "demand";
  d.decisions = {{.ago = 1500ms, .start = 2, .eject = 0, .reason = "2 wait, \"0\" idle"}};
  d.workers = {{.id = 4, .state = worker_view::state_type::paused, .age = 2s, .idle_for = 1ms, .calls = 3}};
  d.failures = {{.ago = 1s, .message = "no", .in_a_row = 2, .retry_in = 10ms, .breaker_open = true}};
  return d;
}

stats_source source() {
  return {.pool = three_queues, .detail = [](std::string_view key) -> std::optional<queue_detail> {
            if (key != "aa")
              return std::nullopt;
            return detail_of(key);
          }};
}

const stats_routes detailed_routes(source());

response ask(std::string_view target, field name = field::host, std::string_view value = "test",
             verb method = verb::get) {
  request req(method, boost::beast::string_view(target.data(), target.size()), 11);
  req.set(name, boost::beast::string_view(value.data(), value.size()));
  return detailed_routes.handle(req);
}

std::string keys(const response& res) {
  std::string all;
  INFO(res.body());
  REQUIRE(res.result() == status::ok);
  const json::value document = json::parse(res.body());
  for (const auto& q : document.at("queues").as_array())
    all += json::value_to<std::string>(q.at("key")) + ' ';
  return all;
}

std::string gunzip(const std::string& packed) {
  std::string out(1'000'000, '\0');
  z_stream z{};
  REQUIRE(inflateInit2(&z, 15 + 16) == Z_OK);
  z.next_in = reinterpret_cast<z_const Bytef*>(const_cast<char*>(packed.data()));
  z.avail_in = static_cast<uInt>(packed.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  const int result = inflate(&z, Z_FINISH);
  out.resize(z.total_out);
  inflateEnd(&z);
  CHECK(result == Z_STREAM_END);
  return out;
}

} // namespace

TEST_CASE("queues are chosen by key and app") {
  CHECK(keys(ask("/stats?key=bb")) == "bb ");
  CHECK(keys(ask("/stats?key=zz")).empty());
  CHECK(keys(ask("/stats?app=x")) == "aa cc ");
  CHECK(keys(ask("/stats?app=y+y")) == "bb ");
  CHECK(keys(ask("/stats?app=y%20y&key=bb&else=1")) == "bb ");
  CHECK(keys(ask("/stats?match=X/T")) == "cc ");
  CHECK(keys(ask("/stats?match=b")) == "bb ");
  CHECK(keys(ask("/stats?match=%2Fecho&app=x")) == "aa cc ");
  CHECK(keys(ask("/stats?match=01id")) == "aa bb cc ");
  CHECK(keys(ask("/stats?match=zz")).empty());
  CHECK(keys(ask("/stats?match=x/&top=1&by=acquired")) == "cc ");
}

TEST_CASE("a text that is looked for leaves the totals as they are") {
  const json::value some = json::parse(ask("/stats?match=x/&top=1").body());
  CHECK(some.at("totals").at("queues") == 3);
  CHECK(some.at("matching") == 2);
  CHECK(some.at("queues").as_array().size() == 1);
  CHECK_FALSE(json::parse(ask("/stats").body()).as_object().contains("matching"));
}

TEST_CASE("the waits of each queue are summed where they are asked for") {
  auto with = source();
  with.histograms = [](std::string_view key) -> std::optional<queue_histograms> {
    if (key != "aa")
      return std::nullopt;
    return detail_of(key).histograms;
  };
  const stats_routes asked(with);
  const auto queue = [&](std::string_view target) {
    request req(verb::get, boost::beast::string_view(target.data(), target.size()), 11);
    return json::parse(asked.handle(req).body()).at("queues").at(0);
  };
  CHECK_FALSE(queue("/stats").as_object().contains("wait_ms"));
  CHECK_FALSE(queue("/stats?key=bb&with=waits").as_object().contains("wait_ms"));
  const auto waits = queue("/stats?key=aa&with=waits").at("wait_ms");
  CHECK(waits.at("count").to_number<int>() == 107);
  CHECK(waits.at("sum").to_number<double>() == 5050);
  const auto p50 = waits.at("p50").to_number<double>(); // the 54th of 7 zeros and 1 to 100: 47
  CHECK(p50 >= 47);
  CHECK(p50 < 47 * 1.125);
}

TEST_CASE("the first queues by any number") {
  CHECK(keys(ask("/stats?top=1")) == "bb ");
  CHECK(keys(ask("/stats?top=2&by=acquired")) == "cc aa ");
  CHECK(keys(ask("/stats?by=waiting")) == "bb aa cc ");
  CHECK(keys(ask("/stats?by=idle&app=x&top=9")) == "aa cc ");
  const response res = ask("/stats?top=1");
  CHECK(json::parse(res.body()).at("totals").at("queues") == 3);
}

TEST_CASE("what is worst first") {
  pool_snapshot pool = three_queues();
  pool.queues[0].queue.totals.failed += 1;
  pool.queues[2].failure = failure_view{.ago = 2s, .message = "no", .in_a_row = 9, .breaker_open = true};
  const stats_routes routes({.pool = [&] { return pool; }});
  const auto asked = [&](const char* target) { return routes.handle(request(verb::get, target, 11)); };
  CHECK(keys(asked("/stats?by=need")) == "cc bb aa ");
  CHECK(keys(asked("/stats?top=1")) == "cc ");
  CHECK(keys(asked("/stats?top=1&by=errors")) == "aa ");
  const json::value first = json::parse(asked("/stats?top=1").body()).at("queues").at(0);
  CHECK(first.at("condition") == "breaker_open");
  CHECK(first.at("errors") == 93);
}

TEST_CASE("bad queries are told") {
  for (auto target : {"/stats?top=0", "/stats?top=-1", "/stats?top=x", "/stats?top=", "/stats?top=1000001",
                      "/stats?with=love", "/stats?by=beauty", "/stats?by=", "/stats?top=1&top=2",
                      "/stats?key=%zz", "/stats/%zz", "/stats?top=99999999999999999999999"}) {
    INFO(target);
    const response res = ask(target);
    CHECK(res.result() == status::bad_request);
    CHECK(res[field::cache_control] == "no-store");
    CHECK(json::parse(res.body()).at("message").is_string());
  }
}

TEST_CASE("/stats/{key} shows one queue") {
  const response res = ask("/stats/%61a");
  REQUIRE(res.result() == status::ok);
  const json::value doc = json::parse(res.body());
  CHECK(doc.at("schema") == stats_schema);
  CHECK(doc.at("queue").at("key") == "aa");
  CHECK(doc.at("policy") == "demand");
  CHECK(doc.at("latency_ms").at("immediate") == 7);
  const auto& wait = doc.at("latency_ms").at("wait").at("start");
  CHECK(wait.at("count") == 100);
  CHECK(wait.at("sum") == 5050);
  const auto h = detail_of("aa").histograms.wait(wait_cause::start);
  for (auto [name, p] : {std::pair("p50", 50.0), {"p90", 90.0}, {"p99", 99.0}, {"p99_9", 99.9}})
    CHECK(wait.at(name).to_number<double>() * 1e6 == Approx(double(h.percentile(p).count())));
  CHECK(doc.at("latency_ms").at("wait").at("call").at("count") == 0);
  CHECK(doc.at("decisions") ==
        json::parse(R"([{"ago_ms":1500,"start":2,"eject":0,"reason":"2 wait, \"0\" idle"}])"));
  CHECK(doc.at("workers") ==
        json::parse(R"([{"id":4,"state":"paused","age_ms":2000,"idle_ms":1,"calls":3}])"));
  CHECK(doc.at("failures") ==
        json::parse(R"([{"ago_ms":1000,"message":"no","in_a_row":2,"retry_in_ms":10,"breaker_open":true}])"));
  CHECK_FALSE(doc.at("queue").as_object().contains("failure"));
  CHECK(ask("/stats/bb").result() == status::not_found);
  CHECK(ask("/stats/").result() == status::not_found);
  CHECK(ask("/stats/aa", field::host, "h", verb::post).result() == status::method_not_allowed);
}

TEST_CASE("/stats tells of starts that fail") {
  pool_snapshot pool = three_queues();
  pool.queues[1].failure = failure_view{.ago = 2s, .message = "\"no\"", .in_a_row = 1, .retry_in = 0ns};
  const stats_routes failing({.pool = [&] { return pool; }});
  const json::value doc = json::parse(failing.handle(request(verb::get, "/stats", 11)).body());
  CHECK(
      doc.at("queues").at(1).at("failure") ==
      json::parse(R"({"ago_ms":2000,"message":"\"no\"","in_a_row":1,"retry_in_ms":0,"breaker_open":false})"));
  CHECK_FALSE(doc.at("queues").at(0).as_object().contains("failure"));
}

TEST_CASE("/stats/{key} without details shows what is known") {
  const stats_routes plain({.pool = three_queues, .histograms = [](std::string_view key) {
                              return std::optional(detail_of(key).histograms);
                            }});
  const json::value doc = json::parse(plain.handle(request(verb::get, "/stats/cc", 11)).body());
  CHECK(doc.at("queue").at("key") == "cc");
  CHECK(doc.at("latency_ms").at("wait").at("start").at("count") == 100);
  CHECK(plain.handle(request(verb::get, "/stats/dd", 11)).result() == status::not_found);
}

TEST_CASE("what has not changed is not sent again") {
  const response first = ask("/stats");
  const std::string tag(first[field::etag]);
  REQUIRE_FALSE(tag.empty());
  for (const std::string& told : {tag, "\"x\", " + tag, std::string("*"), tag.substr(2)}) {
    const response again = ask("/stats", field::if_none_match, told);
    CHECK(again.result() == status::not_modified);
    CHECK(again.body().empty());
    CHECK(again[field::etag] == tag);
    CHECK(again[field::cache_control] == "no-cache");
  }
  CHECK(ask("/stats", field::if_none_match, "\"other\"").result() == status::ok);
  CHECK(ask("/stats?top=1")[field::etag] != tag);
}

TEST_CASE("answers are compressed where that is asked for") {
  const std::string plain = ask("/stats").body();
  const response packed = ask("/stats", field::accept_encoding, "br, gzip");
  CHECK(packed[field::content_encoding] == "gzip");
  CHECK(packed[field::vary] == "Accept-Encoding");
  CHECK(packed[field::content_length] == std::to_string(packed.body().size()));
  CHECK(gunzip(packed.body()) == plain);
  CHECK(ask("/stats", field::accept_encoding, "gzip;q=0").count(field::content_encoding) == 0);
  CHECK(ask("/metrics", field::accept_encoding, "gzip")[field::content_encoding] == "gzip");
  CHECK(ask("/metrics")[field::vary] == "Accept, Accept-Encoding");
  const std::string large(300'000, 'x');
  CHECK(gunzip(gzip(large)) == large);
  CHECK(gunzip(gzip("")).empty());
}

TEST_CASE("weights of codings are respected") {
  for (auto yes :
       {"gzip", "GZIP", "x-gzip", "gzip;q=0.5", "*", "gzip, identity;q=0.5", "deflate , gzip ;q=1.0"})
    CHECK(accepts_gzip(yes));
  for (auto no : {"", "identity", "gzip;q=0", "*;q=0", "gzip;q=0.2, identity", "gzip;q=0, *", "gzip;q=x",
                  "br", "gzip;q=0.000"})
    CHECK_FALSE(accepts_gzip(no));
}

TEST_CASE("OpenMetrics goes to those who prefer it") {
  for (auto yes :
       {"application/openmetrics-text",
        "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
        "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
        "application/openmetrics-text; version=1.0.0; charset=utf-8"})
    CHECK(prefers_openmetrics(yes));
  for (auto no : {"", "*/*", "text/plain", "application/openmetrics-text;version=0.0.1",
                  "application/openmetrics-text;q=0", "application/openmetrics-text;q=0.5,text/plain"})
    CHECK_FALSE(prefers_openmetrics(no));
  CHECK(ask("/metrics", field::accept, "application/openmetrics-text")[field::content_type] ==
        "application/openmetrics-text; version=1.0.0; charset=utf-8");
  CHECK(ask("/metrics")[field::content_type] == "text/plain; version=0.0.4; charset=utf-8");
}
