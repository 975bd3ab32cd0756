#include "base/url.hpp"

#include "catch.hpp"

using namespace hotslot::base;

TEST_CASE("what is escaped becomes a byte") {
  CHECK(percent_decoded("a%20b%2fc%2F") == "a b/c/");
  CHECK(percent_decoded("%00") == std::string(1, '\0'));
  CHECK(percent_decoded("a+b") == "a+b");
  CHECK(percent_decoded("a+b%2b", plus_sign::space) == "a b+");
  for (const char* text : {"%", "%4", "a%zz", "%4g", "%%41"})
    CHECK_FALSE(percent_decoded(text));
}

TEST_CASE("what is not unreserved is escaped") {
  CHECK(percent_encoded("aZ09-._~") == "aZ09-._~");
  CHECK(percent_encoded("a/b c\xff") == "a%2Fb%20c%FF");
}

TEST_CASE("what a query may be") {
  for (const char* text : {"", "a=b&c", "a%20b", "/?:@!$&'()*+,;=", "a[]=1"})
    CHECK(is_query(text));
  for (const char* text : {"%", "%2", "a b", "a#b", "\"", "<", "\\", "^", "`", "{", "|", "\xc3\xa4", "\n"})
    CHECK_FALSE(is_query(text));
  CHECK_FALSE(is_query(std::string_view("a\0b", 3)));
}

TEST_CASE("the parts of an authority") {
  const auto a = parse_authority("u:p@h:80");
  REQUIRE(a);
  CHECK(a->userinfo == "u:p");
  CHECK(a->host == "h");
  CHECK(a->port == "80");
  CHECK(parse_authority("h")->port == std::nullopt);
  CHECK(parse_authority("h:")->port == "");
  CHECK(parse_authority("")->host.empty());
}

TEST_CASE("an address in brackets") {
  CHECK(parse_authority("[::1]:80")->host == "::1");
  CHECK(parse_authority("[1:2:3:4:5:6:127.0.0.1]")->host == "1:2:3:4:5:6:127.0.0.1");
  CHECK(parse_authority("[v1F.a:b]")->host == "v1F.a:b");
  for (const char* text :
       {"[", "[]", "[::1", "[::1]x", "[::1]80", "[:::1]", "[12345::]", "[1::2::3]", "[127.0.0.1]",
        "[::1%25eth0]", "[h]", "[v.a]", "[v1.]", "[vg.a]", "[v1.%41]", "[::1]]"})
    CHECK_FALSE(parse_authority(text));
  CHECK_FALSE(parse_authority(std::string_view("[::1\0]", 6)));
  CHECK_FALSE(parse_authority('[' + std::string(1000, ':') + ']'));
}

TEST_CASE("what is no authority") {
  for (const char* text :
       {"h:x", "h:-1", "h:1:2", "::1", "a b", "h/", "u@v@h", "u/@h", "h%", "h%4", "\xc3\xa4"})
    CHECK_FALSE(parse_authority(text));
}

TEST_CASE("the parts of a URL") {
  const auto u = parse_url("http+x://u@h%2e:1/a/b%20?q=/?#f?");
  REQUIRE(u);
  CHECK(u->scheme == "http+x");
  CHECK(u->host() == "h.");
  CHECK(u->port() == "1");
  CHECK(u->path == "/a/b%20");
  CHECK(u->query == "q=/?");
  CHECK(u->fragment == "f?");
  CHECK_FALSE(u->is_plain());
}

TEST_CASE("what a URL does not say") {
  const auto file = parse_url("unix:/dev/log");
  REQUIRE(file);
  CHECK_FALSE(file->authority);
  CHECK(file->path == "/dev/log");
  CHECK(file->is_plain());
  CHECK(file->host().empty());
  CHECK(file->port().empty());
  CHECK(parse_url("unix:///dev/log")->authority);
  CHECK(parse_url("http://h")->path.empty());
  CHECK(parse_url("http://h?q")->path.empty());
  for (const char* text : {"http://u@h", "http://h?", "http://h#"})
    CHECK_FALSE(parse_url(text)->is_plain());
}

TEST_CASE("what is no URL") {
  for (const char* text :
       {"", "h", "/a", "//h/a", "127.0.0.1:80", ":a", "1a:b", "a_b:c", "http://h:x", "http://h/ b",
        "http://h/\n", "http://h/%zz", "http://h?a b", "http://h#a#b", "http://h/a[b]"})
    CHECK_FALSE(parse_url(text));
}
