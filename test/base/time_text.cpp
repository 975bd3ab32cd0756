#include "base/time_text.hpp"

#include "catch.hpp"

using namespace hotslot::base;

namespace {

std::chrono::system_clock::time_point at_ms(std::int64_t ms) {
  return std::chrono::system_clock::time_point(std::chrono::milliseconds(ms));
}

} // namespace

TEST_CASE("times are UTC with milliseconds") {
  CHECK(rfc3339_time(at_ms(0)) == "1970-01-01T00:00:00.000Z");
  CHECK(rfc3339_time(at_ms(1'700'000'000'123)) == "2023-11-14T22:13:20.123Z");
  CHECK(rfc3339_time(at_ms(-1)) == "1969-12-31T23:59:59.999Z");
}

TEST_CASE("times in HTTP name the day") {
  CHECK(http_date(at_ms(0)) == "Thu, 01 Jan 1970 00:00:00 GMT");
  CHECK(http_date(at_ms(1'709'210'096'999)) == "Thu, 29 Feb 2024 12:34:56 GMT");
}

// 14.29
TEST_CASE("times in HTTP are read as they are written, and not otherwise") {
  for (const std::int64_t ms : {0ll, 1'709'210'096'000ll, 4'102'444'799'000ll})
    CHECK(parse_http_date(http_date(at_ms(ms))) == at_ms(ms));
  for (const char* text :
       {"", "0", "Thu, 01 Jan 1970 00:00:00", "Fri, 01 Jan 1970 00:00:00 GMT", "Thu, 1 Jan 1970 00:00:00 GMT",
        "Thu, 01 Jna 1970 00:00:00 GMT", "Thu, 31 Feb 1970 00:00:00 GMT", "Thu, 01 Jan 1970 24:00:00 GMT",
        "Thu, 01 Jan 1970 00:00:00 GMT ", "Thursday, 01-Jan-70 00:00:00 GMT"})
    CHECK_FALSE(parse_http_date(text));
}

TEST_CASE("times in the common log format") {
  CHECK(common_log_time(at_ms(1'709'210'096'000)) == "[29/Feb/2024:12:34:56 +0000]");
}
