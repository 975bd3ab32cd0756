#include "http/server/response_head.hpp"

#include "catch.hpp"

using namespace hotslot::http;
using namespace hotslot::http::detail;

namespace {

std::string head_of(unsigned code, const std::string& body, const framing& f) {
  response res;
  res.result(code);
  res.body() = body;
  std::string text;
  render_head(text, res, f);
  return text;
}

bool has(const std::string& head, std::string_view line) {
  return head.find("\r\n" + std::string(line) + "\r\n") != std::string::npos;
}

bool says_a_length(const std::string& head) { return head.find("Content-Length") != std::string::npos; }

} // namespace

// 14.24
TEST_CASE("the length that an answer states") {
  CHECK(has(head_of(200, "", {}), "Content-Length: 0"));
  CHECK(has(head_of(200, "body", {.to_head = true}), "Content-Length: 4"));
  CHECK_FALSE(says_a_length(head_of(200, "", {.to_head = true})));
  CHECK_FALSE(says_a_length(head_of(304, "", {})));
}

// 14.24
TEST_CASE("statuses without a body") {
  for (const bool in_pieces : {false, true}) {
    const framing f{.in_pieces = in_pieces};
    CHECK(has(head_of(205, "body", f), "Content-Length: 0"));
    CHECK_FALSE(says_a_length(head_of(204, "body", f)));
    for (const unsigned code : {204u, 205u})
      CHECK(head_of(code, "body", f).find("Transfer-Encoding") == std::string::npos);
  }
  for (const unsigned code : {199u, 204u, 205u, 304u})
    CHECK(is_bodiless(code));
  for (const unsigned code : {200u, 206u, 404u})
    CHECK_FALSE(is_bodiless(code));
}

// 14.24
TEST_CASE("a status that nobody knows has no reason") {
  CHECK(head_of(222, "", {}).starts_with("HTTP/1.1 222 \r\n"));
  CHECK(head_of(404, "", {}).starts_with("HTTP/1.1 404 Not Found\r\n"));
}

// 14.21
TEST_CASE("a length that is no number is not stated") {
  response res;
  res.set(field::content_length, "5, 5");
  std::string text;
  render_head(text, res, {.to_head = true});
  CHECK_FALSE(says_a_length(text));
  res.set(field::content_length, "0005");
  render_head(text, res, {.to_head = true});
  CHECK(has(text, "Content-Length: 5"));
}
