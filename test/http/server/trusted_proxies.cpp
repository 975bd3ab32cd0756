#include <hotslot/http/trusted_proxies.hpp>

#include "catch.hpp"

using boost::asio::ip::make_address;
using hotslot::http::trusted_proxies;

// 14.23
TEST_CASE("addresses and networks of proxies") {
  struct network {
    const char* text;
    const char* in;
    const char* out;
  };
  for (const auto& n :
       {network{"192.0.2.1", "192.0.2.1", "192.0.2.2"}, network{"10.0.0.0/8", "10.255.0.1", "11.0.0.0"},
        network{"10.1.0.0/16", "10.1.255.255", "10.0.255.255"},
        network{"192.0.2.128/25", "192.0.2.128", "192.0.2.127"},
        network{"192.0.2.0/31", "192.0.2.1", "192.0.2.2"}, network{"0.0.0.0/0", "192.0.2.1", "::1"},
        network{"::1", "::1", "::2"}, network{"2001:db8::/33", "2001:db8:7fff::", "2001:db8:8000::"},
        network{"127.0.0.1", "::ffff:127.0.0.1", "::127.0.0.1"}, network{"unix:", "0.0.0.0", "127.0.0.1"}}) {
    INFO(n.text);
    trusted_proxies proxies;
    CHECK(proxies.empty());
    REQUIRE(proxies.add(n.text));
    CHECK(proxies.has(make_address(n.in)));
    CHECK_FALSE(proxies.has(make_address(n.out)));
  }
}

// 14.23
TEST_CASE("what is no network is not added") {
  trusted_proxies proxies;
  for (const char* text : {"",
                           "/",
                           "unix",
                           "unix:/x",
                           "10",
                           "10.0.0.0/",
                           "10.0.0.0/33",
                           "10.0.0.0/-1",
                           "10.0.0.0/8/8",
                           "::/129",
                           "localhost",
                           "[::1]",
                           "fe80::1%1",
                           "10.0.0.1:80",
                           " 10.0.0.1",
                           "/8",
                           "10.0.0.1/8",
                           "10.0.0.0/08",
                           "10.0.0.0/+8",
                           "::ffff:10.0.0.0/8",
                           "2001:db8::1/64"})
    CHECK_FALSE(proxies.add(text));
  CHECK(proxies.empty());
}
