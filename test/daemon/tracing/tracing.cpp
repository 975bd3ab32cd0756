#include "daemon/tracing/trace_context.hpp"

#include "../config/small_config.hpp"
#include "catch.hpp"
#include "daemon/tracing/otlp_json.hpp"

#include <boost/json/parse.hpp>

#include <set>
#include <string>

namespace {

using namespace hotslot::daemon;
using namespace std::chrono_literals;

const std::string trace_text = "0af7651916cd43dd8448eb211c80319c";
const std::string span_text = "b7ad6b7169203331";
const std::string good = "00-" + trace_text + "-" + span_text + "-01";

std::string tracing_problem(const std::string& tracing) {
  return problem_of("", R"("tracing": )" + tracing + ", ");
}

} // namespace

TEST_CASE("a traceparent is read and written") {
  const auto c = parse_traceparent(good);
  REQUIRE(c);
  CHECK(to_hex(c->trace) == trace_text);
  CHECK(to_hex(c->span) == span_text);
  CHECK(c->sampled);
  CHECK(format_traceparent(*c) == good);
  const auto unsampled = parse_traceparent("00-" + trace_text + "-" + span_text + "-00");
  REQUIRE(unsampled);
  CHECK_FALSE(unsampled->sampled);
}

TEST_CASE("flags that are not known are read over and not passed on") {
  const auto c = parse_traceparent("00-" + trace_text + "-" + span_text + "-fe");
  REQUIRE(c);
  CHECK_FALSE(c->sampled);
  CHECK(format_traceparent(*c).ends_with("-00"));
}

TEST_CASE("later versions are read as far as they are alike") {
  for (const std::string version : {"01", "cc", "fe"}) {
    CHECK(parse_traceparent(version + good.substr(2)));
    CHECK(parse_traceparent(version + good.substr(2) + "-what-comes"));
    CHECK_FALSE(parse_traceparent(version + good.substr(2) + "."));
    CHECK_FALSE(parse_traceparent(version + good.substr(2) + "0"));
  }
  CHECK(format_traceparent(*parse_traceparent("cc" + good.substr(2) + "-x")) == good);
}

TEST_CASE("what is no traceparent is not taken for one") {
  const std::string zeros(32, '0');
  for (const std::string& bad :
       {std::string(), std::string("00"), good.substr(1), good.substr(0, 54), good + "-", good + "0",
        "ff" + good.substr(2), "0" + good, "0x" + good.substr(2), "00-" + zeros + "-" + span_text + "-01",
        "00-" + trace_text + "-" + zeros.substr(16) + "-01",
        "00-" + std::string("0AF7651916CD43DD8448EB211C80319C-") + span_text + "-01",
        "00-" + trace_text + "-" + span_text + "-0g", "00_" + trace_text + "-" + span_text + "-01",
        "00-" + trace_text + "-" + span_text + "_01", " " + good.substr(1)})
    CHECK_FALSE(parse_traceparent(bad));
}

TEST_CASE("ids differ") {
  std::set<std::string> all;
  for (int i = 0; i < 1000; ++i) {
    all.insert(to_hex(make_trace_id()));
    all.insert(to_hex(make_span_id()));
  }
  CHECK(all.size() == 2000);
}

TEST_CASE("so many traces are sampled as the ratio says") {
  int sampled = 0;
  for (int i = 0; i < 10'000; ++i)
    sampled += is_sampled(make_trace_id(), 0.25);
  CHECK(sampled > 2'200);
  CHECK(sampled < 2'800);
  trace_id least{}, most;
  most.fill(0xff);
  CHECK(is_sampled(most, 1));
  CHECK_FALSE(is_sampled(most, 0.999));
  CHECK(is_sampled(least, 1e-9));
  CHECK_FALSE(is_sampled(least, 0));
}

TEST_CASE("spans are rendered as OTLP has them") {
  span root;
  root.trace = parse_traceparent(good)->trace;
  root.id = parse_traceparent(good)->span;
  root.name = "POST /x\xff";
  root.kind = span_kind::server;
  root.begin = span::clock::time_point(1'700'000'000s);
  root.end = root.begin + 1500us;
  root.set("text", std::string("\xc3\xa9"));
  root.set("number", std::int64_t{1} << 60);
  root.set_flag("flag", true);
  span child = root;
  child.id = {1, 2, 3, 4, 5, 6, 7, 8};
  child.parent = root.id;
  child.trace_state = "a=b";
  child.kind = span_kind::internal;
  child.attributes.clear();
  child.failed = true;
  child.why = "no";
  const span both[] = {root, child};
  const auto rendered = render_otlp({.service_name = "s", .version = "1", .pid = 7}, both);
  CHECK(boost::json::parse(rendered) == boost::json::parse(R"({"resourceSpans": [{
    "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "s"}},
                                {"key": "service.version", "value": {"stringValue": "1"}},
                                {"key": "process.pid", "value": {"intValue": "7"}}]},
    "scopeSpans": [{"scope": {"name": "hotslotd", "version": "1"}, "spans": [
      {"traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331", "name": "POST /x\ufffd",
       "kind": 2, "startTimeUnixNano": "1700000000000000000", "endTimeUnixNano": "1700000000001500000",
       "attributes": [{"key": "text", "value": {"stringValue": "é"}},
                      {"key": "number", "value": {"intValue": "1152921504606846976"}},
                      {"key": "flag", "value": {"boolValue": true}}],
       "status": {}},
      {"traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "0102030405060708",
       "parentSpanId": "b7ad6b7169203331", "traceState": "a=b", "name": "POST /x\ufffd", "kind": 1,
       "startTimeUnixNano": "1700000000000000000", "endTimeUnixNano": "1700000000001500000",
       "attributes": [], "status": {"code": 2, "message": "no"}}]}]}]})"));
}

TEST_CASE("tracing is configured, or is not there") {
  CHECK_FALSE(parse_config(R"({"functions": []})", "/c.json").tracing);
  const auto d =
      parse_config(R"({"functions": [], "tracing": {"collector": "http://c"}})", "/c.json").tracing;
  REQUIRE(d);
  CHECK(d->collector.authority() == "c:4318");
  CHECK(d->collector.path == "/v1/traces");
  CHECK(d->service_name == "hotslotd");
  CHECK(d->sample_ratio == 1);
  CHECK(d->max_queued == 4096);
  const auto c = parse_config(R"({"functions": [], "tracing": {"collector": "http://[::1]:80/otlp/",
    "service_name": "s", "sample_ratio": 0.5, "max_queued": 16}})",
                              "/c.json")
                     .tracing;
  REQUIRE(c);
  CHECK(c->collector.authority() == "[::1]:80");
  CHECK(c->collector.path == "/otlp/v1/traces");
  CHECK(c->service_name == "s");
  CHECK(c->sample_ratio == 0.5);
  CHECK(c->max_queued == 16);
}

TEST_CASE("tracing that makes no sense is told with its pointer") {
  CHECK(tracing_problem("{}") == "/tracing/collector: this member is required");
  for (const std::string url : {"", "collector:4318", "https://c", "http://", "http://c?x", "http://u@c"})
    CHECK(tracing_problem(R"({"collector": ")" + url + "\"}") ==
          "/tracing/collector: must be a URL such as http://127.0.0.1:4318");
  const std::string with = R"({"collector": "http://c", )";
  CHECK(tracing_problem(with + R"("sample_ratio": 1.5})") ==
        "/tracing/sample_ratio: must be a number from 0 to 1");
  CHECK(tracing_problem(with + R"("sample_ratio": "all"})") ==
        "/tracing/sample_ratio: must be a number from 0 to 1, not a string");
  CHECK(tracing_problem(with + R"("max_queued": 15})") ==
        "/tracing/max_queued: must be a whole number from 16 to 1000000, not 15");
  CHECK(tracing_problem(with + R"("headers": {}})") == "/tracing/headers: unknown member");
}

// 14.29
TEST_CASE("what a collector says of spans that it does not take") {
  const auto said = [](std::string_view body) {
    const auto reply = parse_otlp_reply(body);
    return std::to_string(reply.rejected) + " " + reply.message;
  };
  CHECK(said(R"({"partialSuccess": {"rejectedSpans": "3", "errorMessage": "too old"}})") == "3 too old");
  CHECK(said(R"({"partialSuccess": {"rejectedSpans": 3}})") == "3 ");
  CHECK(said(R"({"partialSuccess": {"errorMessage": "soon no more"}})") == "0 soon no more");
  for (const char* nothing : {"", "{}", "{", "[]", R"({"partialSuccess": null})",
                              R"({"partialSuccess": {"rejectedSpans": -1, "errorMessage": 7}})",
                              R"({"partialSuccess": {"rejectedSpans": "many"}})"})
    CHECK(said(nothing) == "0 ");
}

// 14.29
TEST_CASE("when a collector wants to be asked again") {
  const std::chrono::system_clock::time_point now(1'709'210'096s); // Thu, 29 Feb 2024 12:34:56 GMT
  CHECK(parse_retry_after("120", now) == 120s);
  CHECK(parse_retry_after("Thu, 29 Feb 2024 12:35:56 GMT", now) == 60s);
  CHECK(parse_retry_after("Thu, 29 Feb 2024 12:30:00 GMT", now) == 0s);
  for (const char* nothing : {"", "soon", "-1", "1.5", "99999999999"})
    CHECK_FALSE(parse_retry_after(nothing, now));
}
