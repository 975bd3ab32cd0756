#include "daemon/log/access_log.hpp"

#include "catch.hpp"

#include <boost/json.hpp>

namespace {

using namespace hotslot::daemon;
using namespace std::chrono_literals;
namespace http = hotslot::http;
namespace asio = boost::asio;

const asio::ip::tcp::endpoint peer(asio::ip::make_address("192.0.2.7"), 4711);

const auto client = peer.address();

boost::beast::http::fields with_call(std::string_view id) {
  boost::beast::http::fields fields;
  if (!id.empty())
    fields.set("Fn-Call-Id", id);
  return fields;
}

const auto no_fields = with_call("");

http::access_record record() {
  return {.peer = peer,
          .client = client,
          .method = "GET",
          .target = "/t/demo/echo?a=b",
          .version = 11,
          .received = std::chrono::system_clock::time_point(971'211'336'789ms),
          .duration = 1'234'567ns,
          .status = 200,
          .fields = no_fields,
          .body_bytes = 2326,
          .complete = true};
}

TEST_CASE("the common format is Apache's") {
  auto r = record();
  CHECK(render_common(r) ==
        R"(192.0.2.7 - - [10/Oct/2000:20:55:36 +0000] "GET /t/demo/echo?a=b HTTP/1.1" 200 2326)");
  r.version = 10;
  r.body_bytes = 0;
  r.status = 404;
  CHECK(render_common(r) ==
        R"(192.0.2.7 - - [10/Oct/2000:20:55:36 +0000] "GET /t/demo/echo?a=b HTTP/1.0" 404 -)");
}

TEST_CASE("a caller by a unix socket has no address") {
  const boost::asio::ip::tcp::endpoint none;
  const auto known = record();
  const auto unspecified = none.address();
  const http::access_record r{none,          unspecified,      known.method,   known.target,
                              known.version, known.received,   known.duration, known.status,
                              known.fields,  known.body_bytes, known.complete};
  CHECK(render_common(r).starts_with("unix: - - ["));
  CHECK(render_json(r, {}).find(R"("peer":"unix:","client":"unix:",)") != std::string::npos);
}

TEST_CASE("the common format stays on its line") {
  auto r = record();
  r.target = "/\"\\\x01\xc3\xa9";
  CHECK(render_common(r).find(R"("GET /\"\\\x01\xc3\xa9 HTTP/1.1" 200)") != std::string::npos);
}

TEST_CASE("what was no HTTP, and what was not answered") {
  auto r = record();
  r.method = r.target = "";
  r.version = 0;
  r.status = 400;
  CHECK(render_common(r).find(R"( "-" 400 2326)") != std::string::npos);
  auto gone = record();
  gone.status = 0;
  gone.body_bytes = 0;
  gone.complete = false;
  CHECK(render_common(gone).ends_with(R"( HTTP/1.1" 499 -)"));
  const auto parsed = boost::json::parse(render_json(gone, {}));
  CHECK(parsed.at("status") == 499);
  CHECK(parsed.at("complete") == false);
}

TEST_CASE("the JSON format has everything") {
  const auto fields = with_call("0af3");
  const auto r = record();
  const http::access_record with_id{r.peer,     r.client, r.method, r.target,     r.version, r.received,
                                    r.duration, r.status, fields,   r.body_bytes, r.complete};
  CHECK(
      render_json(with_id, {"demo", "echo"}) ==
      R"({"time":"2000-10-10T20:55:36.789Z","peer":"192.0.2.7","client":"192.0.2.7","method":"GET","target":"/t/demo/echo?a=b",)"
      R"("protocol":"HTTP/1.1","status":200,"bytes":2326,"duration_ms":1.235,"complete":true,"app":"demo",)"
      R"("fn":"echo","call":"0af3"})");
}

TEST_CASE("the JSON format is JSON, whatever was asked for") {
  auto r = record();
  r.target = "/\"\\\n\x7f é \xff";
  const auto parsed = boost::json::parse(render_json(r, {}));
  CHECK(parsed.at("target") == "/\"\\\n\x7f é \xef\xbf\xbd");
  CHECK(parsed.at("app").is_null());
  CHECK(parsed.at("call").is_null());
}

} // namespace
