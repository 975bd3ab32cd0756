#include "http/server/forwarding.hpp"

#include "catch.hpp"

#include <map>
#include <string>
#include <vector>

using namespace hotslot::http;
using namespace hotslot::http::detail;
using boost::asio::ip::make_address;

namespace {

trusted_proxies trusting(const std::vector<std::string>& all) {
  trusted_proxies proxies;
  for (const auto& one : all)
    REQUIRE(proxies.add(one));
  return proxies;
}

// As "scheme client", asked by 10.0.0.1 without TLS.
std::string told(const std::vector<std::pair<std::string, std::string>>& fields) {
  request head(verb::get, "/", 11);
  for (const auto& [name, value] : fields)
    head.insert(name, value);
  const auto origin = origin_of(head, trusting({"10.0.0.0/8"}), make_address("10.0.0.1"), false);
  CHECK(origin.by_proxy);
  return (origin.secure ? "https " : "http ") + origin.client.to_string();
}

} // namespace

TEST_CASE("who calls by a unix socket is believed where that is said") {
  const auto told_by_socket = [](const std::vector<std::string>& trusted, const std::string& forwarded) {
    request head(verb::get, "/", 11);
    head.insert("X-Forwarded-For", forwarded);
    const auto origin = origin_of(head, trusting(trusted), {}, false);
    return origin.by_proxy ? origin.client.to_string() : "nobody";
  };
  CHECK(told_by_socket({"unix:"}, "192.0.2.1") == "192.0.2.1");
  CHECK(told_by_socket({"unix:"}, "192.0.2.1, unix:") == "192.0.2.1");
  CHECK(told_by_socket({"unix:", "10.0.0.0/8"}, "192.0.2.1, 10.0.0.1, unix:") == "192.0.2.1");
  for (const char* address : {"0.0.0.0", "::", "::ffff:0.0.0.0"})
    CHECK(told_by_socket({"unix:"}, std::string("192.0.2.1, ") + address) == "0.0.0.0");
  for (const char* other : {"0.0.0.0/0", "::/0", "0.0.0.0", "::ffff:0.0.0.0", "127.0.0.1"})
    CHECK(told_by_socket({other}, "192.0.2.1") == "nobody");
}

// 14.23
TEST_CASE("a trusted proxy says who asks, by which scheme") {
  CHECK(told({}) == "http 10.0.0.1");
  CHECK(told({{"X-Forwarded-For", "192.0.2.1"}}) == "http 192.0.2.1");
  CHECK(told({{"X-Forwarded-Proto", "https"}}) == "https 10.0.0.1");
  CHECK(told({{"x-forwarded-for", "192.0.2.1:4711"}, {"x-forwarded-proto", "HTTPS"}}) == "https 192.0.2.1");
  CHECK(told({{"X-Forwarded-For", "[2001:db8::1]:80"}}) == "http 2001:db8::1");
  CHECK(told({{"X-Forwarded-For", "2001:db8::1"}}) == "http 2001:db8::1");
  CHECK(told({{"Forwarded", "for=192.0.2.1;proto=https;by=10.0.0.1"}}) == "https 192.0.2.1");
  CHECK(told({{"Forwarded", R"(Proto="https" ; FOR="[2001:db8::1]:80")"}}) == "https 2001:db8::1");
  CHECK(told({{"Forwarded", R"(for="a;b,c";proto=https)"}}) == "https 10.0.0.1");
  CHECK(told({{"Forwarded", R"(for="192.0.2.1:_hidden")"}}) == "http 192.0.2.1");
  CHECK(told({{"X-Forwarded-For", "::ffff:192.0.2.1"}}) == "http 192.0.2.1");
}

// 14.23
TEST_CASE("what the caller of the first proxy of ours has written is of no account") {
  CHECK(told({{"X-Forwarded-For", "198.51.100.9, 192.0.2.1, 10.1.1.1"}}) == "http 192.0.2.1");
  CHECK(told({{"X-Forwarded-For", "198.51.100.9"}, {"X-Forwarded-For", "192.0.2.1"}}) == "http 192.0.2.1");
  CHECK(told({{"X-Forwarded-For", "192.0.2.1, 10.1.1.1"}, {"X-Forwarded-Proto", "https, http"}}) ==
        "https 192.0.2.1");
  CHECK(told({{"X-Forwarded-For", "192.0.2.1"}, {"X-Forwarded-Proto", "https, http"}}) == "http 192.0.2.1");
  CHECK(told({{"Forwarded", "for=198.51.100.9;proto=https, for=192.0.2.1;proto=http"}}) == "http 192.0.2.1");
  CHECK(told({{"Forwarded", "for=192.0.2.1;proto=https, for=10.1.1.1;proto=http"}}) == "https 192.0.2.1");
  CHECK(told({{"X-Forwarded-For", "192.0.2.1"}, {"Forwarded", "for=198.51.100.9;proto=https"}}) ==
        "http 192.0.2.1");
  CHECK(told({{"Forwarded", "for=192.0.2.1;proto=http"}, {"X_Forwarded_Proto", "https"}}) ==
        "http 192.0.2.1");
}

// 14.23
TEST_CASE("what is no address and no scheme is not believed") {
  for (const char* odd :
       {"unknown", "_hidden", "", ",", "192.0.2", "192.0.2.1x", "[", "[]", "\"", "for=", "1:2:3"})
    CHECK(told({{"X-Forwarded-For", odd}, {"X-Forwarded-Proto", odd}}) == "http 10.0.0.1");
  for (const char* odd :
       {"for", "for=", "=;=", ";;,;", "for=unknown;proto=ftp", "proto=https x", "for=\"", "\\\""})
    CHECK(told({{"Forwarded", odd}}) == "http 10.0.0.1");
}

// 14.23
TEST_CASE("nobody else says so") {
  request head(verb::get, "/", 11);
  head.set("X-Forwarded-For", "192.0.2.1");
  head.set("X-Forwarded-Proto", "http");
  for (const auto& trusted : {trusting({}), trusting({"10.0.0.0/8"})}) {
    const auto origin = origin_of(head, trusted, make_address("11.0.0.1"), true);
    CHECK_FALSE(origin.by_proxy);
    CHECK(origin.secure);
    CHECK(origin.client == make_address("11.0.0.1"));
  }
}

// 14.23
TEST_CASE("the fields by which proxies say for whom they ask") {
  for (const char* name : {"Forwarded", "x-forwarded-for", "X-Forwarded-", "X-FORWARDED-HOST", "X-Real-Ip"})
    CHECK(is_forwarding(name));
  for (const char* name : {"", "X", "F", "From", "X-Forwarded", "X-Forward-For", "Forwarded-For", "X-Realm"})
    CHECK_FALSE(is_forwarding(name));
}

TEST_CASE("what is no address is not taken for one") {
  for (const char* text : {"192.0.2.1:", "192.0.2.1:x", "192.0.2.1:65536", "192.0.2.1:80:80", "[192.0.2.1]",
                           "[2001:db8::1", "[2001:db8::1]x", "[2001:db8::1]:", "2001:db8::1]", "[]",
                           "[fe80::1%1]", ":80", "unknown", "_hidden"}) {
    INFO(text);
    CHECK(told({{"X-Forwarded-For", text}}) == "http 10.0.0.1");
    CHECK(told({{"Forwarded", "for=\"" + std::string(text) + '"'}}) == "http 10.0.0.1");
  }
}

TEST_CASE("a field that is there and says nothing is what counts") {
  CHECK(told({{"X-Forwarded-For", ""}, {"Forwarded", "for=192.0.2.1"}}) == "http 10.0.0.1");
  CHECK(told({{"X-Forwarded-Proto", ""}, {"Forwarded", "for=192.0.2.1;proto=https"}}) == "http 10.0.0.1");
}

TEST_CASE("an address of version 4 is known as one") {
  CHECK(as_it_is_known(make_address("::ffff:192.0.2.1")) == make_address("192.0.2.1"));
  CHECK(as_it_is_known(make_address("2001:db8::1")) == make_address("2001:db8::1"));
  CHECK(as_it_is_known(make_address("192.0.2.1")) == make_address("192.0.2.1"));
}
