#include "base/http_text.hpp"
#include "base/number.hpp"

#include "catch.hpp"

using namespace hotslot::base;

TEST_CASE("a token has no delimiters") {
  CHECK(is_token("X-Name"));
  CHECK_FALSE(is_token(""));
  CHECK_FALSE(is_token("a b"));
  CHECK_FALSE(is_token("a:"));
  CHECK_FALSE(is_token("\xc3\xa9"));
}

TEST_CASE("an underscore is read as a hyphen") {
  CHECK(hyphenated("Fn_Http-H_X") == "Fn-Http-H-X");
  CHECK(hyphenated("") == "");
}

TEST_CASE("a number is all of its text") {
  CHECK(parse_number<std::uint16_t>("65535") == 65535);
  for (const char* text : {"", " 1", "1 ", "-1", "+1", "1x", "65536"})
    CHECK_FALSE(parse_number<std::uint16_t>(text));
}

TEST_CASE("the line in front of a chunk") {
  std::string out;
  append_chunk_size(out, 255);
  CHECK(out == "ff\r\n");
}
