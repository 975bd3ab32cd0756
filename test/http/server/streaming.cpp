// Answers in pieces.
#include "catch.hpp"
#include "served.hpp"

#include <sstream>

using namespace hotslot;
using namespace hotslot::http;
using namespace std::chrono_literals;
using test::client;
using test::served;

namespace {

const std::string http_1_0 = " HTTP/1.0\r\n\r\n";

server_options with_write_timeout(std::chrono::milliseconds t) {
  server_options options;
  options.limits.write_timeout = t;
  return options;
}

// Handlers get no more than 10 bytes of a body at first.
server_options in_pieces(server_limits limits = {}) {
  limits.whole_body_bytes = 10;
  server_options options;
  options.limits = limits;
  return options;
}

std::string post(const std::string& target, const std::string& more) {
  return "POST " + target + " HTTP/1.1\r\nHost: h\r\n" + more;
}

const std::string chunked = "Transfer-Encoding: chunked\r\n\r\n";

std::string chunk(std::size_t size) {
  std::ostringstream head;
  head << std::hex << size << "\r\n";
  return head.str() + std::string(size, 'b') + "\r\n";
}

} // namespace

TEST_CASE("an answer in pieces goes in chunks, and the connection stays open") {
  served s({}, GENERATE(1, 2));
  auto c = s.connect();
  for (int i = 0; i < 2; ++i) {
    c.get("/pieces");
    const auto res = c.read();
    CHECK(res.result() == status::ok);
    CHECK(res[field::content_type] == "text/plain");
    CHECK(res.chunked());
    CHECK(res.count(field::content_length) == 0);
    CHECK(res.body() == "one,two");
  }
  c.get("/hello");
  CHECK(c.read().body() == "hello");
}

TEST_CASE("each piece is a chunk") {
  served s;
  auto c = s.connect();
  c.send("GET /pieces HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  boost::system::error_code ec;
  const std::string all = c.rest(ec);
  CHECK(all.substr(all.find("\r\n\r\n") + 4) == "4\r\none,\r\n3\r\ntwo\r\n0\r\n\r\n");
}

TEST_CASE("pieces arrive before the answer ends") {
  served s;
  auto c = s.connect();
  c.get("/pieces/gate");
  std::string got;
  while (got.find("two\r\n") == std::string::npos) {
    char room[256];
    got.append(room, c.socket().read_some(boost::asio::buffer(room)));
  }
  CHECK_FALSE(got.ends_with("0\r\n\r\n"));
  s.open_gate();
  while (!got.ends_with("0\r\n\r\n")) {
    char room[256];
    got.append(room, c.socket().read_some(boost::asio::buffer(room)));
  }
}

TEST_CASE("to HTTP/1.0 the end of the connection is the end of the pieces") {
  served s;
  auto c = s.connect();
  c.send("GET /pieces" + http_1_0);
  boost::system::error_code ec;
  const std::string all = c.rest(ec);
  CHECK(ec == boost::asio::error::eof);
  CHECK(all.find("chunked") == std::string::npos);
  CHECK(all.ends_with("\r\n\r\none,two"));
}

TEST_CASE("an answer in pieces may state its length") {
  served s;
  auto c = s.connect();
  for (const char* version : {"1.1", "1.0"}) {
    c.send(std::string("GET /pieces/sized HTTP/") + version +
           "\r\nHost: h\r\nConnection: keep-alive\r\n\r\n");
    const auto res = c.read();
    CHECK(res[field::content_length] == "7");
    CHECK_FALSE(res.chunked());
    CHECK(res.body() == "one,two");
  }
  SECTION("which is there to HEAD") {
    c.send("HEAD /pieces/sized HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(c.read(true)[field::content_length] == "7");
    c.get("/hello");
    CHECK(c.read().body() == "hello");
  }
  SECTION("and has to keep to it") {
    const auto [target, got] = GENERATE(std::pair("/pieces/sized/too-long", "one,two"),
                                        std::pair("/pieces/sized/too-short", "one,"));
    c.send(std::string("GET ") + target + " HTTP/1.1\r\nHost: h\r\n\r\n");
    boost::system::error_code ec;
    CHECK_THAT(c.rest(ec), Catch::Matchers::EndsWith(std::string("\r\n\r\n") + got));
  }
}

TEST_CASE("to HEAD no piece is sent") {
  served s;
  auto c = s.connect();
  c.send("HEAD /pieces HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(c.read(true).chunked());
  c.get("/hello");
  CHECK(c.read().body() == "hello");
}

TEST_CASE("an answer that breaks off is seen to be incomplete") {
  served s;
  auto c = s.connect();
  SECTION("in chunks") {
    c.get("/pieces/throw");
    boost::system::error_code ec;
    CHECK_FALSE(c.rest(ec).ends_with("0\r\n\r\n"));
  }
  SECTION("until the end of the connection") {
    c.send("GET /pieces/throw" + http_1_0);
    boost::system::error_code ec;
    c.rest(ec);
    CHECK(ec == boost::asio::error::connection_reset);
  }
  CHECK(s.happened.wait("handler failed: thrown in the middle"));
}

TEST_CASE("a caller that goes away ends the handler that waits between pieces") {
  served s;
  auto c = s.connect();
  c.get("/pieces/wait");
  REQUIRE(s.happened.wait("waits"));
  c.close();
  CHECK(s.happened.wait("abandoned"));
}

TEST_CASE("a caller that goes away ends the handler that writes") {
  served s;
  auto c = s.connect(4096);
  c.get("/pieces/for-ever");
  REQUIRE(s.happened.wait("writes"));
  c.close();
  CHECK(s.happened.wait("writer left alone"));
}

TEST_CASE("a caller that does not read is dropped") {
  SECTION("after the time to write") {
    served s(with_write_timeout(20ms));
    auto c = s.connect(4096);
    c.get("/pieces/for-ever");
    CHECK(s.happened.wait("writer left alone"));
  }
  SECTION("at the handler's deadline") {
    served s;
    auto c = s.connect(4096);
    c.get("/pieces/too-slow");
    CHECK(s.happened.wait("writer left alone"));
  }
}

TEST_CASE("an endless answer is cut when the server stops") {
  served s;
  auto c = s.connect();
  c.get("/pieces/wait");
  REQUIRE(s.happened.wait("waits"));
  s.server().stop();
  CHECK(s.happened.wait("abandoned"));
}

TEST_CASE("a long body comes to its handler in pieces") {
  served s(in_pieces(), GENERATE(1, 2));
  auto c = s.connect();
  for (int i = 0; i < 2; ++i) {
    c.send(post("/upload", "Content-Length: 100000\r\n\r\n"));
    REQUIRE(s.happened.wait("/upload", i + 1)); // before there is any of it
    c.send(std::string(100'000, 'b'));
    const auto res = c.read();
    CHECK(res.body() == "100000");
    CHECK(res.keep_alive());
  }
  c.send(post("/upload", "Content-Length: 10\r\n\r\n"));
  c.send("0123456789GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(c.read().body() == "10");
  CHECK(c.read().body() == "hello");
}

TEST_CASE("a body in chunks comes to its handler in pieces") {
  served s(in_pieces());
  auto c = s.connect();
  c.send(post("/upload", chunked) + chunk(5));
  c.send(chunk(6));
  REQUIRE(s.happened.wait("/upload"));
  c.send(chunk(100'000) + chunk(1) + "0\r\nX-Late: 1\r\n\r\n");
  CHECK(c.read().body() == "100012");
  c.get("/hello");
  CHECK(c.read().body() == "hello");
}

TEST_CASE("an answer may begin before the body has ended") {
  served s(in_pieces());
  auto c = s.connect();
  c.send(post("/upload/back", "Content-Length: 30\r\n\r\n") + std::string(15, 'a'));
  std::string got;
  const auto read_until = [&](const std::string& end) {
    while (!got.ends_with(end)) {
      char room[256];
      got.append(room, c.socket().read_some(boost::asio::buffer(room)));
    }
  };
  read_until("aaa\r\n");
  c.send(std::string(15, 'b'));
  read_until("bbb\r\n0\r\n\r\n");
  c.get("/hello");
  CHECK(c.read().body() == "hello");
}

TEST_CASE("a body is asked for when its handler wants it") {
  served s(in_pieces());
  auto c = s.connect();
  const std::string expect = "Expect: 100-continue\r\nContent-Length: 20\r\n\r\n";
  SECTION("which it does") {
    c.send(post("/upload", expect));
    CHECK(c.read().result() == status::continue_);
    c.send(std::string(20, 'b'));
    CHECK(c.read().body() == "20");
  }
  SECTION("which it does not") {
    const auto res = c.call(post("/upload/unread", expect));
    CHECK(res.body() == "not wanted");
    CHECK(res[field::connection] == "close");
    c.shutdown();
    CHECK(c.closed());
  }
}

TEST_CASE("a body is not asked for in the middle of an answer") {
  served s(in_pieces());
  auto c = s.connect();
  c.send(post("/upload/back", "Expect: 100-continue\r\nConnection: close\r\nContent-Length: 20\r\n\r\n") +
         std::string(20, 'b'));
  boost::system::error_code ec;
  const std::string all = c.rest(ec);
  CHECK(all.starts_with("HTTP/1.1 200"));
  CHECK(all.find("100 Continue") == std::string::npos);
  CHECK(all.ends_with("0\r\n\r\n"));
}

TEST_CASE("an answer that has begun breaks off where the body cannot go on") {
  served s(in_pieces());
  auto c = s.connect();
  c.send(post("/upload/back", chunked) + chunk(20));
  REQUIRE(s.happened.wait("/upload/back"));
  c.send("no chunk\r\n");
  boost::system::error_code ec;
  const std::string all = c.rest(ec);
  CHECK(all.find("400") == std::string::npos);
  CHECK_FALSE(all.ends_with("0\r\n\r\n"));
}

TEST_CASE("a body that cannot go on is answered by the server") {
  server_limits limits;
  limits.body_bytes = 50'000;
  limits.body_timeout = 50ms;
  served s(in_pieces(limits));
  auto c = s.connect();
  c.send(post("/upload", chunked) + chunk(20));
  REQUIRE(s.happened.wait("/upload"));
  const auto [more, expected] = GENERATE(std::pair(chunk(50'000), status::payload_too_large),
                                         std::pair(std::string("no chunk\r\n"), status::bad_request),
                                         std::pair(std::string(), status::request_timeout));
  c.send(more);
  const auto res = c.read();
  CHECK(res.result() == expected);
  CHECK(res[field::connection] == "close");
  CHECK(s.happened.count("refused") == 1);
}

TEST_CASE("a caller that goes away amid its body ends the handler") {
  served s(in_pieces());
  auto c = s.connect();
  c.send(post("/upload", chunked) + chunk(20));
  REQUIRE(s.happened.wait("/upload"));
  c.close();
  CHECK(s.happened.wait("abandoned"));
}

TEST_CASE("a caller that takes an answer slowly, but takes it, gets all of it") {
  std::size_t got = 0;
  for (auto patience = 100ms; got < test::big_answer && patience < 10s;
       patience *= 2) { // until this machine keeps to it
    server_limits limits;
    limits.write_timeout = patience;
    limits.header_timeout = patience / 4;
    server_options options;
    options.limits = limits;
    served s(options);
    auto c = s.connect(64 * 1024);
    c.send("GET /big HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    boost::system::error_code ec;
    got = 0;
    for (int slept = 0; !ec; ++slept) {
      std::string piece(test::big_answer / 16, ' ');
      got += boost::asio::read(c.socket(), boost::asio::buffer(piece), ec);
      if (slept < 12)
        CHECK(s.connect().closed()); // who says nothing, after a quarter of that time
    }
  }
  CHECK(got > test::big_answer);
}

TEST_CASE("the time for a piece that was written is not the time for one that is read") {
  std::string got;
  for (auto patience = 50ms; got.empty() && patience < 10s;
       patience *= 2) { // until this machine writes the piece within it
    server_limits limits;
    limits.write_timeout = patience;
    limits.header_timeout = 2 * patience;
    served s(in_pieces(limits));
    auto c = s.connect(4096);
    c.send(post("/upload/beside", "Content-Length: 20\r\nConnection: close\r\n\r\n"));
    std::string written(test::big_piece, ' ');
    boost::system::error_code ec;
    boost::asio::read(c.socket(), boost::asio::buffer(written), ec);
    if (ec)
      continue;
    auto later = s.connect();
    CHECK(later.closed()); // which says nothing: now that time is over
    c.send(std::string(20, 'b'));
    got = c.rest(ec);
  }
  CHECK_THAT(got, Catch::Matchers::EndsWith("bbbbb\r\n0\r\n\r\n"));
}

TEST_CASE("a handler that waits for a body has its deadline") {
  served s(in_pieces());
  auto c = s.connect();
  c.send(post("/upload/too-slow", chunked) + chunk(20));
  CHECK(c.read().result() == status::gateway_timeout);
  CHECK(s.happened.count("expired") == 1);
}
