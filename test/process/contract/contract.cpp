#include <hotslot/process/contract.hpp>

#include "catch.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/system/system_error.hpp>

#include <map>

using namespace hotslot::process;
namespace http = boost::beast::http;

namespace {

using header_list = std::vector<std::pair<std::string, std::string>>;

header_list headers(const http::fields& fields) {
  header_list list;
  for (const auto& f : fields)
    list.emplace_back(f.name_string(), f.value());
  std::sort(list.begin(), list.end());
  return list;
}

std::chrono::system_clock::time_point at_ms(std::int64_t ms) {
  return std::chrono::system_clock::time_point(std::chrono::milliseconds(ms));
}

const call_context plain{.call_id = "call-1", .deadline = at_ms(1'700'000'000'123), .http_trigger = false};
const call_context trigger{.call_id = "call-1", .deadline = at_ms(1'700'000'000'123), .http_trigger = true};

caller_request caller(const header_list& fields = {}, std::string body = "body") {
  caller_request r(http::verb::put, "/t/demo/echo?a=b", 11);
  for (const auto& [name, value] : fields)
    r.insert(name, value);
  r.body() = std::move(body);
  return r;
}

// The call as whoever is at the other end of the socket reads it.
http::request<http::string_body> read(const call_request& call) {
  http::request_parser<http::string_body> parser;
  parser.eager(true);
  boost::system::error_code ec;
  const std::string all = call.head + call.body;
  REQUIRE(parser.put(boost::asio::buffer(all), ec) == all.size());
  REQUIRE_FALSE(ec);
  REQUIRE(parser.is_done());
  return parser.release();
}

call_reply reply(unsigned status, const header_list& fields = {}, std::string body = "body") {
  call_reply r;
  r.version(11);
  r.result(status);
  for (const auto& [name, value] : fields)
    r.insert(name, value);
  r.body() = std::move(body);
  return r;
}

void is_invalid_response(const caller_reply& r) {
  CHECK(r.response.result_int() == 502);
  CHECK(r.response.body() == R"({"message":"invalid function response"})");
  CHECK(r.response["Fn-Call-Id"] == "call-1");
  CHECK(r.worker == worker_verdict::discard);
}

} // namespace

TEST_CASE("the environment is the contract, the configuration, and little else") {
  function_spec spec;
  spec.app_id = "A";
  spec.app_name = "app";
  spec.fn_id = "F";
  spec.fn_name = "fn";
  spec.config = {{"GREETING", "hello"}, {"FN_LISTENER", "unix:/elsewhere"}, {"HOME", "/home/fn"}};
  spec.memory_mb = 64;
  CHECK(make_environment(spec, "/run/x") ==
        std::vector<std::string>{"FN_APP_ID=A", "FN_APP_NAME=app", "FN_FN_ID=F", "FN_FN_NAME=fn",
                                 "FN_FORMAT=http-stream", "FN_LISTENER=unix:/run/x/lsnr.sock", "FN_MEMORY=64",
                                 "FN_TYPE=sync", "GREETING=hello", "HOME=/home/fn", "LANG=C.UTF-8",
                                 "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"});
}

TEST_CASE("a function that is to write frames is told how") {
  function_spec spec;
  spec.log_frames = true;
  spec.config = {{"FN_LOGFRAME_NAME", "mine"}};
  const auto all = make_environment(spec, "/run/x");
  CHECK(std::count(all.begin(), all.end(), "FN_LOGFRAME_NAME=hotslot-call") == 1);
  CHECK(std::count(all.begin(), all.end(), "FN_LOGFRAME_HDR=Fn-Call-Id") == 1);
  CHECK(std::count(all.begin(), all.end(), "FN_LOGFRAME_NAME=mine") == 0);
}

TEST_CASE("a configuration that is no environment is refused") {
  const std::pair<std::string, std::string> bad[] = {
      {"", "x"}, {"A=B", "x"}, {std::string("A\0B", 3), "x"}, {"A", std::string("x\0y", 3)}};
  for (const auto& entry : bad) {
    function_spec spec;
    spec.config.insert(entry);
    CHECK_THROWS_AS(make_environment(spec, "/run/x"), boost::system::system_error);
  }
}

TEST_CASE("a call is POST /call with the caller's headers and the call's") {
  const auto r = read(make_call_request(caller({{"Content-Type", "text/plain"},
                                                {"Host", "example.org"},
                                                {"X-A", "1"},
                                                {"X-A", "2"},
                                                {"Content-Length", "4"},
                                                {"Expect", "100-continue"}}),
                                        plain));
  CHECK(r.method() == http::verb::post);
  CHECK(r.target() == "/call");
  CHECK(r.version() == 11);
  CHECK(r.keep_alive());
  CHECK(r.body() == "body");
  CHECK(headers(r) == header_list{{"Content-Length", "4"},
                                  {"Content-Type", "text/plain"},
                                  {"Fn-Call-Id", "call-1"},
                                  {"Fn-Deadline", "2023-11-14T22:13:20.123Z"},
                                  {"Host", "localhost"},
                                  {"X-A", "1"},
                                  {"X-A", "2"}});
}

TEST_CASE("an empty call has a length too") {
  CHECK(read(make_call_request(caller({}, ""), plain))[http::field::content_length] == "0");
}

TEST_CASE("hop-by-hop headers stay at their hop, with those that Connection names") {
  const header_list all{{"Connection", "close, X-Mine"},
                        {"connection", "x-other"},
                        {"Keep-Alive", "timeout=5"},
                        {"Proxy-Connection", "close"},
                        {"Proxy-Authorization", "x"},
                        {"Proxy-Authenticate", "x"},
                        {"TE", "trailers"},
                        {"Trailer", "X"},
                        {"Transfer-Encoding", "chunked"},
                        {"Upgrade", "websocket"},
                        {"X-Mine", "1"},
                        {"X-Other", "2"},
                        {"HTTP2-Settings", "x"}};
  for (const auto& context : {plain, trigger}) {
    const auto r = read(make_call_request(caller(all), context));
    for (const auto& [name, value] : all) {
      CHECK(r.count(name) == 0);
      CHECK(r.count("Fn-Http-H-" + name) == 0);
    }
    CHECK(r.keep_alive());
    CHECK(r[http::field::content_length] == "4");
  }
  const auto out = make_caller_reply(reply(200, all), plain).response;
  for (const auto& [name, value] : all)
    CHECK(out.count(name) == 0);
}

TEST_CASE("a caller cannot pass for the server") {
  const header_list spoofed{{"Fn-Call-Id", "mine"},
                            {"fn-deadline", "2999-01-01T00:00:00Z"},
                            {"Fn-Intent", "httprequest"},
                            {"FN-HTTP-METHOD", "DELETE"},
                            {"Fn-Http-H-Cookie", "x"},
                            {"Fn-Http-Request-Url", "http://x/"},
                            {"Fn-Invoke-Type", "sync"},
                            {"Fn-Http-Status", "200"},
                            {"Connection", "Fn-Call-Id, Fn-Deadline"}};
  CHECK(headers(read(make_call_request(caller(spoofed), plain))) ==
        header_list{{"Content-Length", "4"},
                    {"Fn-Call-Id", "call-1"},
                    {"Fn-Deadline", "2023-11-14T22:13:20.123Z"},
                    {"Host", "localhost"}});
  const auto r = read(make_call_request(caller(spoofed), trigger));
  CHECK(r["Fn-Http-Method"] == "PUT");
  CHECK(r.count("Fn-Http-Method") == 1);
  CHECK(r.count("Fn-Http-H-Cookie") == 0);
  CHECK(r.count("Fn-Http-H-Fn-Call-Id") == 0);
}

// 14.22
TEST_CASE("nor can one that writes _ for -, which FDKs read as the same") {
  const header_list spoofed{{"Fn_Intent", "x"},         {"fn_call-id", "x"},     {"Fn-Http_Method", "x"},
                            {"Fn_Http_H_X_User", "x"},  {"FN_DEADLINE", "x"},    {"Fn_Invoke_Type", "x"},
                            {"Transfer_Encoding", "x"}, {"Content_Length", "1"}, {"Host_", "kept"},
                            {"Connection", "X-Mine"},   {"X_Mine", "x"},         {"Keep_Alive", "x"}};
  CHECK(headers(read(make_call_request(caller(spoofed), plain))) ==
        header_list{{"Content-Length", "4"},
                    {"Fn-Call-Id", "call-1"},
                    {"Fn-Deadline", "2023-11-14T22:13:20.123Z"},
                    {"Host", "localhost"},
                    {"Host_", "kept"}});
  const auto r = read(make_call_request(caller(spoofed), trigger));
  for (const auto& [name, value] : spoofed)
    CHECK(r.count("Fn-Http-H-" + name) == (value == "kept"));
}

// 14.20
TEST_CASE("a trigger passes the caller's request on in headers, each once") {
  const auto r = read(make_call_request(caller({{"Host", "example.org:8080"},
                                                {"Content-Type", "a/b"},
                                                {"Cookie", "c"},
                                                {"X-A", "1"},
                                                {"X-A", "2"},
                                                {"traceparent", "t"}}),
                                        trigger));
  CHECK(r.method() == http::verb::post);
  CHECK(r.target() == "/call");
  CHECK(headers(r) == header_list{{"Content-Length", "4"},
                                  {"Content-Type", "a/b"},
                                  {"Fn-Call-Id", "call-1"},
                                  {"Fn-Deadline", "2023-11-14T22:13:20.123Z"},
                                  {"Fn-Http-H-Cookie", "c"},
                                  {"Fn-Http-H-Host", "example.org:8080"},
                                  {"Fn-Http-H-X-A", "1"},
                                  {"Fn-Http-H-X-A", "2"},
                                  {"Fn-Http-H-traceparent", "t"},
                                  {"Fn-Http-Method", "PUT"},
                                  {"Fn-Http-Request-Url", "http://example.org:8080/t/demo/echo?a=b"},
                                  {"Fn-Intent", "httprequest"},
                                  {"Host", "localhost"},
                                  {"traceparent", "t"}});
}

// 14.20
TEST_CASE("how long a head becomes is known before there is one") {
  for (const auto& context : {plain, trigger})
    for (const std::size_t fields : {0, 1, 100, 1000}) {
      header_list all{{"Host", "h"}, {"traceparent", "t"}};
      for (std::size_t i = 0; i < fields; ++i)
        all.emplace_back("a", std::to_string(i));
      const auto c = caller(all, std::string(1'000'000, 'x'));
      const auto size = make_call_request(c, context).head.size();
      constexpr std::size_t longest_length = 20; // of the body, however long it is
      CHECK(fits_head(c, context, size + longest_length));
      CHECK_FALSE(fits_head(c, context, size - 1));
    }
}

// 14.20
TEST_CASE("a function that takes no such header keeps its worker") {
  for (const auto& context : {plain, trigger}) {
    const auto r = make_caller_reply(reply(431, {{"X", "y"}}, "whatever"), context);
    CHECK(r.response.result_int() == 431);
    CHECK(r.response.body() == R"({"message":"the header is too large for the function"})");
    CHECK(r.response.count("X") == 0);
    CHECK(r.worker == worker_verdict::keep);
  }
}

TEST_CASE("an absolute request target is the request's URL") {
  auto c = caller({{"Host", "example.org"}});
  c.target("http://other.org/x");
  CHECK(read(make_call_request(std::move(c), trigger))["Fn-Http-Request-Url"] == "http://other.org/x");
}

TEST_CASE("a reply of 200 to /invoke passes with its headers") {
  const auto r = make_caller_reply(
      reply(200, {{"Content-Type", "a/b"}, {"X-A", "1"}, {"Fn-Call-Id", "other"}, {"Fn-Http-Status", "404"}}),
      plain);
  CHECK(r.worker == worker_verdict::keep);
  CHECK(r.response.result_int() == 200);
  CHECK(r.response.body() == "body");
  CHECK(headers(r.response) == header_list{{"Content-Length", "4"},
                                           {"Content-Type", "a/b"},
                                           {"Fn-Call-Id", "call-1"},
                                           {"Fn-Http-Status", "404"},
                                           {"X-A", "1"}});
}

// 14.21
TEST_CASE("a length that is no number is nobody's") {
  for (const auto& context : {plain, trigger})
    for (const auto part : {body_part::whole, body_part::beginning}) {
      const bool whole = part == body_part::whole;
      auto r = make_caller_reply(reply(200, {{"Content-Length", "4, 4"}}), context, part).response;
      CHECK(r[http::field::content_length] == (whole ? "4" : ""));
      CHECK(r.count("Content-Length") == (whole ? 1 : 0));
      r = make_caller_reply(reply(200, {{"Content-Length", "0040"}}), context, body_part::beginning).response;
      CHECK(r.count("Content-Length") == 1);
    }
  const auto call = make_call_request(caller({{"Content-Length", "4, 4"}}), plain, body_part::beginning);
  CHECK(call.in_chunks);
  CHECK(call.head.find("4, 4") == std::string::npos);
}

TEST_CASE("a reply of 200 to a trigger is unpacked") {
  const auto r = make_caller_reply(reply(200, {{"Content-Type", "a/b"},
                                               {"X-Dropped", "1"},
                                               {"Fn-Http-Status", "404"},
                                               {"fn-http-h-X-Kept", "2"},
                                               {"Fn-Http-H-Set-Cookie", "a"},
                                               {"Fn-Http-H-Set-Cookie", "b"},
                                               {"Fn-Http-H-Content-Length", "100"},
                                               {"Fn-Http-H-Transfer-Encoding", "chunked"},
                                               {"Fn-Http-H-Connection", "close"},
                                               {"Fn-Http-H-Fn-Call-Id", "other"}}),
                                   trigger);
  CHECK(r.worker == worker_verdict::keep);
  CHECK(r.response.result_int() == 404);
  CHECK(r.response.body() == "body");
  CHECK(headers(r.response) == header_list{{"Content-Length", "4"},
                                           {"Content-Type", "a/b"},
                                           {"Fn-Call-Id", "call-1"},
                                           {"Set-Cookie", "a"},
                                           {"Set-Cookie", "b"},
                                           {"X-Kept", "2"}});
}

TEST_CASE("a trigger's own content type comes before the function's") {
  const auto r =
      make_caller_reply(reply(200, {{"Content-Type", "a/b"}, {"Fn-Http-H-Content-Type", "c/d"}}), trigger);
  CHECK(r.response["Content-Type"] == "c/d");
  CHECK(r.response.count("Content-Type") == 1);
}

TEST_CASE("every status that ends a call may be a trigger's, and nothing else") {
  for (unsigned status = 0; status < 1200; ++status) {
    const auto r = make_caller_reply(reply(200, {{"Fn-Http-Status", std::to_string(status)}}), trigger);
    if (status >= 200 && status <= 599) {
      CHECK(r.response.result_int() == status);
      CHECK(r.worker == worker_verdict::keep);
    } else {
      is_invalid_response(r);
    }
  }
  for (const auto* bad : {"", "abc", "200 OK", "+20", "-200", "0200", "2e2", "99999999999999"})
    is_invalid_response(make_caller_reply(reply(200, {{"Fn-Http-Status", bad}}), trigger));
  is_invalid_response(
      make_caller_reply(reply(200, {{"Fn-Http-Status", "200"}, {"Fn-Http-Status", "404"}}), trigger));
}

TEST_CASE("no body goes with a status that has none") {
  for (const auto* status : {"204", "304"}) {
    const auto r = make_caller_reply(reply(200, {{"Fn-Http-Status", status}}), trigger);
    CHECK(r.response.body().empty());
    CHECK(r.response.count("Content-Length") == 0);
  }
}

TEST_CASE("headers that are no HTTP are refused") {
  const header_list bad{{"Fn-Http-H-", "x"},
                        {"Fn-Http-H-A B", "x"},
                        {"Fn-Http-H-A:", "x"},
                        {"Fn-Http-H-A\r\nSet-Cookie", "x"},
                        {"Fn-Http-H-A", "x\r\nSet-Cookie: y"},
                        {"Fn-Http-H-A", std::string("x\0y", 3)},
                        {"Fn-Http-H-A", "\x7f"},
                        {"Content-Type", "a/b\r\nSet-Cookie: y"}};
  for (const auto& field : bad)
    is_invalid_response(make_caller_reply(reply(200, {field}), trigger));
  is_invalid_response(make_caller_reply(reply(200, {{"A", "x\ny"}}), plain));
  is_invalid_response(make_caller_reply(reply(200, {{"A b", "x"}}), plain));
  CHECK(make_caller_reply(reply(200, {{"Fn-Http-H-A", "tab\tand \xc3\xa4"}}), trigger).response["A"] ==
        "tab\tand \xc3\xa4");
}

TEST_CASE("the contract's table of statuses") {
  for (const auto& context : {plain, trigger})
    for (unsigned status = 100; status < 1000; ++status) {
      if (status == 200 || status == 431)
        continue;
      const auto r = make_caller_reply(reply(status, {{"Content-Type", "a/b"}, {"X", "y"}}), context);
      CHECK(r.response["Fn-Call-Id"] == "call-1");
      CHECK(r.response["Content-Type"] == "application/json");
      CHECK(r.response.count("X") == 0);
      if (status == 502) {
        CHECK(r.response.result_int() == 502);
        CHECK(r.response.body() == R"({"message":"function failed"})");
        CHECK(r.worker == worker_verdict::keep);
      } else if (status == 504) {
        CHECK(r.response.result_int() == 504);
        CHECK(r.response.body() == R"({"message":"function timed out"})");
        CHECK(r.worker == worker_verdict::discard);
      } else {
        is_invalid_response(r);
      }
    }
}

TEST_CASE("the message of a function that failed reaches its caller, where it is one") {
  const std::string message = R"({"message":"no such thing","detail":"d"})";
  CHECK(make_caller_reply(reply(502, {}, message), plain).response.body() == message);
  for (const auto* other :
       {"", "oops", "[]", R"({"message":1})", R"({"detail":"d"})", R"({"message":"x"} tail)"})
    CHECK(make_caller_reply(reply(502, {}, other), plain).response.body() ==
          R"({"message":"function failed"})");
}

TEST_CASE("error bodies are JSON whatever the message") {
  const auto r = make_error_response(http::status::service_unavailable, "say \"no\"\n", "id");
  CHECK(r.result_int() == 503);
  CHECK(r.body() == R"({"message":"say \"no\"\n"})");
  CHECK(r["Content-Type"] == "application/json");
  CHECK(r["Content-Length"] == std::to_string(r.body().size()));
  CHECK(r["Fn-Call-Id"] == "id");
}

TEST_CASE("what failed decides the status") {
  CHECK(failure_status(errc::start_timeout) == http::status::gateway_timeout);
  CHECK(failure_status(errc::spawn_failed) == http::status::service_unavailable);
  for (const auto e : {errc::command_not_found, errc::exited_at_start, errc::bad_socket,
                       errc::connection_lost, errc::invalid_reply, errc::reply_too_large})
    CHECK(failure_status(e) == http::status::bad_gateway);
}

TEST_CASE("every error has a text of its own") {
  std::map<std::string, int> seen;
  for (int e = 1; e <= static_cast<int>(errc::reply_too_large); ++e)
    CHECK(++seen[category().message(e)] == 1);
  CHECK(seen.count("unknown error") == 0);
}
