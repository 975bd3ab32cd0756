#include "daemon/config/endpoint.hpp"

#include "catch.hpp"

namespace {

using hotslot::daemon::parse_endpoint;
using hotslot::daemon::to_string;

TEST_CASE("addresses are read and written alike") {
  for (const char* text :
       {"127.0.0.1:8080", "0.0.0.0:0", "[::1]:8080", "[2001:db8::1]:65535", "unix:/run/a.sock", "unix:a"}) {
    const auto e = parse_endpoint(text);
    INFO(text);
    REQUIRE(e);
    CHECK(to_string(*e) == text);
  }
}

TEST_CASE("what is no address is refused") {
  for (const char* text : {"",
                           ":",
                           "8080",
                           ":8080",
                           "127.0.0.1",
                           "127.0.0.1:",
                           "127.0.0.1:65536",
                           "127.0.0.1:-1",
                           "127.0.0.1: 80",
                           "127.0.0.1:0x50",
                           "localhost:80",
                           "::1:80",
                           "[::1]",
                           "[::1]80",
                           "[::1:80",
                           "[127.0.0.1]:80",
                           "[]:80",
                           "http://127.0.0.1:80",
                           "127.0.0.1:80/",
                           "unix:",
                           "unix:/",
                           "unix:/run/",
                           "UNIX:/a"}) {
    INFO(text);
    CHECK_FALSE(parse_endpoint(text));
  }
  CHECK_FALSE(parse_endpoint(std::string_view("127.0.0.1\0.x:80", 15)));
  CHECK_FALSE(parse_endpoint(std::string_view("unix:/a\0b", 9)));
}

} // namespace
