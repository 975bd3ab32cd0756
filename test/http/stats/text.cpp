#include "http/stats/text.hpp"
#include "base/text.hpp"

#include "catch.hpp"

using namespace hotslot::http;
using namespace std::chrono_literals;

namespace {

std::string milliseconds(std::chrono::nanoseconds t) {
  std::string out;
  append_milliseconds(out, t);
  return out;
}

std::string seconds(std::chrono::nanoseconds t) {
  std::string out;
  append_seconds(out, t);
  return out;
}

std::string json_string(std::string_view text) {
  std::string out;
  hotslot::base::append_json_string(out, text);
  return out;
}

std::string label(std::string_view text) {
  std::string out;
  append_label_value(out, text);
  return out;
}

} // namespace

TEST_CASE("durations are written exactly and without an exponent") {
  CHECK(milliseconds(0ns) == "0");
  CHECK(milliseconds(1ns) == "0.000001");
  CHECK(milliseconds(1500us) == "1.5");
  CHECK(milliseconds(10ms) == "10");
  CHECK(milliseconds(-5ms) == "0");
  CHECK(seconds(1ns) == "0.000000001");
  CHECK(seconds(2'000'000'001ns) == "2.000000001");
  CHECK(seconds(std::chrono::nanoseconds::max()) == "9223372036.854775807");
}

TEST_CASE("JSON strings are escaped") {
  CHECK(json_string("plain") == R"("plain")");
  CHECK(json_string("a\"b\\c\n\r\t\x01\x1f") == R"("a\"b\\c\n\r\t\u0001\u001f")");
  CHECK(json_string("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x94\xa5") ==
        "\"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x94\xa5\"");
}

TEST_CASE("label values are escaped as Prometheus has it") {
  CHECK(label("a\\b\"c\nd\te") == "\"a\\\\b\\\"c\\nd\te\"");
}

TEST_CASE("what is not UTF-8 is replaced") {
  const std::string replaced = "\"\xef\xbf\xbd\"";
  CHECK(json_string("\xff") == replaced);
  CHECK(json_string("\xc3") == replaced);
  CHECK(label("\x80") == replaced);
  CHECK(json_string("\xc0\x80") == "\"\xef\xbf\xbd\xef\xbf\xbd\"");
  CHECK(json_string("\xed\xa0\x80") == "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
  CHECK(json_string("\xf4\x90\x80\x80").size() == 2 + 4 * 3);
  CHECK(json_string("x\xe2\x82y") == "\"x\xef\xbf\xbd\xef\xbf\xbdy\"");
}
