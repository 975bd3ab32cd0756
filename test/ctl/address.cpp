#include "ctl/address.hpp"

#include "catch.hpp"

using namespace hotslot::ctl;

TEST_CASE("an address is a URL without a query") {
  const auto a = parse_address("https://calls.example:8443/ops/hotslot/");
  REQUIRE(a);
  CHECK(a->tls);
  CHECK(a->host == "calls.example");
  CHECK(a->port == "8443");
  CHECK(a->prefix == "/ops/hotslot");
  CHECK(a->url() == "https://calls.example:8443/ops/hotslot");
}

TEST_CASE("what an address does not say") {
  CHECK(parse_address("http://h")->port == "80");
  CHECK(parse_address("https://h/")->port == "443");
  CHECK(parse_address("https://h/")->prefix.empty());
  CHECK(parse_address("http://h:80")->authority() == "h");
  CHECK(parse_address("http://[::1]:8081")->host == "::1");
  CHECK(parse_address("http://[::1]:8081")->authority() == "[::1]:8081");
}

TEST_CASE("a unix socket is known by its path") {
  const auto a = parse_address("unix:/run/hotslotd/admin.sock");
  REQUIRE(a);
  CHECK(a->socket == "/run/hotslotd/admin.sock");
  CHECK(a->url() == "unix:/run/hotslotd/admin.sock");
  CHECK(a->authority() == "localhost");
  CHECK(a->is_loopback());
  CHECK_FALSE(a->tls);
}

TEST_CASE("which addresses are on this machine") {
  for (const char* url :
       {"http://127.0.0.1", "http://127.9.8.7:1", "http://[::1]:8081", "http://localhost:8081",
        "http://LocalHost", "http://a.localhost", "http://[::ffff:127.0.0.1]"})
    CHECK(parse_address(url)->is_loopback());
  for (const char* url : {"http://10.0.0.1", "http://[fe80::1]", "http://localhost.example",
                          "http://notlocalhost", "http://128.0.0.1"})
    CHECK_FALSE(parse_address(url)->is_loopback());
}

TEST_CASE("what is no address") {
  for (const char* url : {"", "unix:", "127.0.0.1:8081", "localhost", "ftp://h", "http://", "http:///path",
                          "http://h:0", "http://h:65536", "http://h:1234567", "http://h:x", "http://u@h",
                          "http://u:p@h", "http://h?q", "http://h#f", "http://h/ b", "http://h\n"})
    CHECK_FALSE(parse_address(url));
}
