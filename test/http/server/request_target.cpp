#include "http/server/request_target.hpp"

#include "catch.hpp"

#include <hotslot/http/message.hpp>

using namespace hotslot::http;
using namespace hotslot::http::detail;

// 14.23
TEST_CASE("what a Host may be") {
  for (const char* text : {"h", "h:", "h:0", "h:65535", "example.org", "127.0.0.1:80", "[::1]", "[::1]:80",
                           "a_b", "a%20b", "a!$&'()*+;=b"})
    CHECK(is_host(text));
  for (const char* text : {"",    ":",    ":80",   "h:65536", "h:x",      "h:-1", "h/",      "h?",  "h#",
                           "u@h", "@h",   "a b",   "a,b",     "::1",      "[::1", "[::1]x",  "[x]", "h\\",
                           "a%2", "a%zz", "\"h\"", "<h>",     "\xc3\xa4", "h\t",  "http://h"})
    CHECK_FALSE(is_host(text));
}

TEST_CASE("a Host has a bound") {
  CHECK(is_host(std::string(1000, 'h')));
  CHECK_FALSE(is_host(std::string(1025, 'h')));
  CHECK_FALSE(is_target("http://" + std::string(70'000, 'h') + '/', verb::get));
}

// 14.23
TEST_CASE("what a target may be") {
  for (const char* text : {"/", "/a?b", "//a", "http://h", "HTTP://h/", "https://h:1/a?b", "http://h?b"})
    CHECK(is_target(text, verb::get));
  for (const char* text : {"", "a", "*", "h:1", "http:", "http://", "http:///a", "http://u@h/", "ftp://h/",
                           "/a#b", "http://h#b"})
    CHECK_FALSE(is_target(text, verb::get));
  CHECK(is_target("h:1", verb::connect));
  CHECK_FALSE(is_target("/", verb::connect));
  CHECK(is_target("*", verb::options));
  CHECK_FALSE(is_target("*a", verb::options));
}

// 14.25
TEST_CASE("the path of a target") {
  CHECK(target_path("/a/b?c/d") == "/a/b");
  CHECK(target_path("http://h/a?b") == "/a");
  CHECK(target_path("http://h") == "/");
  CHECK(target_path("http://h?x=/a") == "/");
  CHECK(target_path("/a?u=http://h/b") == "/a");
  CHECK(target_path("*") == "*");
}
