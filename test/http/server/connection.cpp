// One connection, byte by byte.
#include "catch.hpp"
#include "served.hpp"

using namespace hotslot;
using namespace hotslot::http;
using namespace std::chrono_literals;
using test::client;
using test::message_of;
using test::served;

namespace {

// The answer is an error that a caller can read, and the connection ends cleanly after it.
void check_refused(served& s, std::string_view bytes, status expected) {
  INFO(bytes.substr(0, 200));
  auto c = s.connect();
  const auto res = c.call(bytes);
  CHECK(res.result() == expected);
  CHECK(res[field::connection] == "close");
  CHECK_FALSE(message_of(res).empty());
  c.shutdown();
  CHECK(c.closed());
}

server_options with(server_limits limits) {
  server_options options;
  options.limits = limits;
  return options;
}

} // namespace

TEST_CASE("a connection is kept alive") {
  served s;
  auto c = s.connect();
  for (int i = 0; i < 3; ++i) {
    c.get("/hello");
    const auto res = c.read();
    CHECK(res.result() == status::ok);
    CHECK(res.version() == 11);
    CHECK(res.body() == "hello");
    CHECK(res.count(field::connection) == 0);
    CHECK(res.count(field::date) == 1);
    CHECK(res.count(field::content_length) == 1);
  }
  c.get("/nothing");
  CHECK(c.read().result() == status::not_found);
  c.get("/peer");
  CHECK(c.read().body() == "127.0.0.1");
}

TEST_CASE("requests may be pipelined, and cut anywhere") {
  served s({}, GENERATE(1, 2));
  const std::string post = "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n";
  std::string all;
  for (auto body : {"one", "two", "thr", "fou"})
    all += post + body + "\r\n";
  const std::size_t pieces = GENERATE(1, 2, 3, 50);
  auto c = s.connect();
  for (std::size_t at = 0; at < all.size(); at += all.size() / pieces)
    c.send(std::string_view(all).substr(at, all.size() / pieces));
  for (auto body : {"one", "two", "thr", "fou"})
    CHECK(c.read().body() == body);
}

TEST_CASE("folded fields and repeated lengths are refused, however they arrive") {
  const std::string chunks = "Transfer-Encoding: chunked\r\n\r\n4\r\n\n a\n\r\n";
  const std::string rest =
      GENERATE_COPY(std::string("X-A: b\r\n c\r\n\r\n"), std::string("X-A: b\r\n\tc\r\n\r\n"),
                    chunks + "0\r\nX-A: b\r\n c\r\n\r\n", chunks + "00;x\r\nX-A: b\r\n\t0\r\n\r\n",
                    std::string("Content-Length: 1\r\nContent-Length: 1\r\n\r\n1"));
  const bool one_by_one = GENERATE(false, true);
  served s;
  auto c = s.connect();
  const std::string head = "POST /echo HTTP/1.1\r\nHost: h\r\n";
  c.send(head);
  std::size_t sent = head.size();
  for (char byte : rest.substr(0, rest.size() - 1)) {
    while (one_by_one && s.server().counts().received_bytes < sent && s.server().connections() != 0)
      std::this_thread::yield();
    c.send({&byte, 1});
    ++sent;
  }
  while (one_by_one && s.server().counts().received_bytes < sent && s.server().connections() != 0)
    std::this_thread::yield();
  CHECK(c.call(rest.substr(rest.size() - 1)).result() == status::bad_request);
  CHECK(s.happened.count("/echo") == 0);
}

TEST_CASE("what looks like a folded field is none within a chunk") {
  served s;
  auto c = s.connect();
  const auto res = c.call("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                          "9\r\nX: y\r\n z\n\r\n0\r\nX-A: b\r\n\r\n");
  CHECK(res.body() == "X: y\r\n z\n");
}

TEST_CASE("a request's trailer does not become a header") {
  served s;
  auto c = s.connect();
  for (int i = 0; i < 2; ++i) {
    const auto res =
        c.call("POST /headers HTTP/1.1\r\nHost: h\r\nX-Head: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
               "1\r\na\r\n0\r\nHost: other\r\nX-User: admin\r\n\r\n");
    CHECK(res.body() == "Host: h\nX-Head: 1\nTransfer-Encoding: chunked\n");
  }
}

TEST_CASE("a request that comes while another runs is served after it") {
  served s;
  auto c = s.connect();
  c.get("/gate");
  REQUIRE(s.happened.wait("/gate"));
  c.get("/hello");
  c.get("/peer");
  s.open_gate();
  CHECK(c.read().body() == "open");
  CHECK(c.read().body() == "hello");
  CHECK(c.read().body() == "127.0.0.1");
}

TEST_CASE("a connection is closed where the caller asks for it") {
  served s;
  auto c = s.connect();
  const auto res = c.call("GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  CHECK(res[field::connection] == "close");
  CHECK(c.closed());
}

TEST_CASE("HTTP/1.0") {
  served s;
  SECTION("closes") {
    auto c = s.connect();
    const auto res = c.call("GET /hello HTTP/1.0\r\n\r\n");
    CHECK(res.body() == "hello");
    CHECK(res[field::connection] == "close");
    CHECK(c.closed());
  }
  SECTION("is kept alive where asked") {
    auto c = s.connect();
    for (int i = 0; i < 2; ++i)
      CHECK(c.call("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")[field::connection] ==
            "keep-alive");
  }
  SECTION("does not know expectations") {
    auto c = s.connect();
    c.send("POST /echo HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi");
    CHECK(c.read().body() == "hi");
  }
}

TEST_CASE("HEAD and 204 have no body") {
  served s;
  auto c = s.connect();
  c.send("HEAD /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  const auto head = c.read(true);
  CHECK(head[field::content_length] == "5");
  CHECK(head.body().empty());
  c.get("/no-content");
  const auto none = c.read();
  CHECK(none.result() == status::no_content);
  CHECK(none.count(field::content_length) == 0);
  c.get("/hello");
  CHECK(c.read().body() == "hello");
}

TEST_CASE("a response cannot break the framing") {
  served s;
  auto c = s.connect();
  c.get("/odd");
  const auto res = c.read();
  CHECK(res.body() == "odd");
  CHECK(res["X-Good"] == "kept");
  CHECK(res.count("X-Split") == 0);
  CHECK(res.count("Set-Cookie") == 0);
  CHECK(res.count(field::transfer_encoding) == 0);
  CHECK(res[field::connection] == "close");
  CHECK(c.closed());
}

TEST_CASE("malformed requests get 400") {
  served s;
  for (std::string_view bytes : {
           "nonsense\r\n\r\n",
           "GET  / HTTP/1.1\r\nHost: h\r\n\r\n",
           "GET / HTTP/3.0\r\nHost: h\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
           "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
           "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
           "GET / HTTP/1.1\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
           "\x16\x03\x01\x02",
       })
    check_refused(s, bytes, status::bad_request);
  check_refused(s, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", status::not_implemented);
  check_refused(s, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
                status::not_implemented);
  CHECK(s.happened.count("/") == 0);
}

TEST_CASE("headers over the limit get 431") {
  served s(with({.header_bytes = 1000}));
  const std::string filler(2000, 'x');
  check_refused(s, "GET /" + filler + " HTTP/1.1\r\nHost: h\r\n\r\n",
                status::request_header_fields_too_large);
  check_refused(s, "GET / HTTP/1.1\r\nHost: h\r\nX: " + filler + "\r\n\r\n",
                status::request_header_fields_too_large);
  check_refused(s, "GET / HTTP/1.1\r\nHost: h\r\nX: " + filler, status::request_header_fields_too_large);
  auto c = s.connect();
  const auto res = c.call("GET /hello HTTP/1.1\r\nHost: h\r\nX: " + std::string(900, 'x') + "\r\n\r\n");
  CHECK(res.result() == status::ok);
}

TEST_CASE("bodies over the limit get 413, and the caller can read it") {
  served s(with({.body_bytes = 1000}));
  const std::string head = "POST /size HTTP/1.1\r\nHost: h\r\n";
  SECTION("the limit itself is allowed") {
    auto c = s.connect();
    CHECK(c.call(head + "Content-Length: 1000\r\n\r\n" + std::string(1000, 'x')).body() == "1000");
  }
  SECTION("by its stated length") {
    check_refused(s, head + "Content-Length: 1001\r\n\r\n", status::payload_too_large);
    check_refused(s, head + "Content-Length: 18446744073709551615\r\n\r\n", status::payload_too_large);
  }
  SECTION("while it is being sent") {
    check_refused(s, head + "Content-Length: 4000000\r\n\r\n" + std::string(4'000'000, 'x'),
                  status::payload_too_large);
  }
  SECTION("in chunks") {
    check_refused(s,
                  head + "Transfer-Encoding: chunked\r\n\r\n200\r\n" + std::string(512, 'x') + "\r\n200\r\n",
                  status::payload_too_large);
  }
  SECTION("before it is asked for") {
    check_refused(s, head + "Content-Length: 1001\r\nExpect: 100-continue\r\n\r\n",
                  status::payload_too_large);
  }
}

TEST_CASE("bodies in chunks") {
  served s;
  auto c = s.connect();
  const std::string head = "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  CHECK(c.call(head + "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: t\r\n\r\n").body() == "abcde");
  c.send(head + "a\r\n01234");
  c.send("56789\r\n0");
  c.send("\r\n\r\n");
  CHECK(c.read().body() == "0123456789");
  const std::string large(300'000, 'z');
  CHECK(c.call(head + "493e0\r\n" + large + "\r\n0\r\n\r\n").body() == large);
}

TEST_CASE("a chunk header has no unlimited length") {
  served s;
  check_refused(
      s, "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(200'000, 'x'),
      status::request_header_fields_too_large);
}

TEST_CASE("Expect: 100-continue") {
  served s;
  auto c = s.connect();
  const std::string head = "POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n";
  SECTION("is answered before the body is read") {
    c.send(head + "Content-Length: 2\r\n\r\n");
    CHECK(c.read(true).result() == status::continue_);
    c.send("hi");
    CHECK(c.read().body() == "hi");
  }
  SECTION("is answered for chunked bodies") {
    c.send(head + "Transfer-Encoding: chunked\r\n\r\n");
    CHECK(c.read(true).result() == status::continue_);
    c.send("2\r\nhi\r\n0\r\n\r\n");
    CHECK(c.read().body() == "hi");
  }
  SECTION("is not answered where the body is there, or is none") {
    CHECK(c.call(head + "Content-Length: 2\r\n\r\nhi").body() == "hi");
    CHECK(c.call(head + "\r\n").result() == status::ok);
  }
  SECTION("other expectations fail") {
    check_refused(s, "POST /echo HTTP/1.1\r\nHost: h\r\nExpect: tea\r\nContent-Length: 2\r\n\r\n",
                  status::expectation_failed);
  }
}

TEST_CASE("a handler that throws gets 500, and the connection stays") {
  served s;
  auto c = s.connect();
  c.get("/throw");
  const auto res = c.read();
  CHECK(res.result() == status::internal_server_error);
  CHECK(message_of(res) == "internal error");
  CHECK(s.happened.count("handler failed: thrown on purpose") == 1);
  c.get("/hello");
  CHECK(c.read().body() == "hello");
}

TEST_CASE("a deadline that passes gets 504, and the connection stays") {
  served s({}, GENERATE(1, 2));
  auto c = s.connect();
  for (int i = 1; i <= 3; ++i) {
    c.get("/too-slow");
    CHECK(c.read().result() == status::gateway_timeout);
    CHECK(s.happened.count("expired") == i);
    c.get("/hello");
    CHECK(c.read().body() == "hello");
  }
}

TEST_CASE("a handler may wait on after its deadline") {
  served s;
  auto c = s.connect();
  for (int i = 0; i < 2; ++i) {
    c.get("/clean-up");
    CHECK(message_of(c.read()) == "cleaned up");
  }
}

TEST_CASE("a caller that goes away cancels its handler") {
  served s({}, GENERATE(1, 2));
  auto c = s.connect();
  if (GENERATE(false, true)) {
    c.get("/hello");
    c.read();
  }
  c.get("/wait");
  REQUIRE(s.happened.wait("/wait"));
  SECTION("by closing") { c.close(); }
  SECTION("by a reset") { c.reset(); }
  SECTION("by ending its side") {
    c.shutdown();
    CHECK(c.closed());
  }
  CHECK(s.happened.wait("abandoned"));
}

TEST_CASE("slow headers and bodies get 408") {
  served s(with({.header_timeout = 50ms, .body_timeout = 50ms}));
  check_refused(s, "GET / HTTP/1.1\r\nHos", status::request_timeout);
  check_refused(s, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab", status::request_timeout);
}

TEST_CASE("silent connections are closed") {
  SECTION("before their first request") {
    served s(with({.header_timeout = 50ms}));
    auto c = s.connect();
    CHECK(c.closed());
  }
  SECTION("after a request") {
    served s(with({.header_timeout = 30'000ms, .idle_timeout = 50ms}));
    auto c = s.connect();
    c.get("/hello");
    CHECK(c.read().body() == "hello");
    CHECK(c.closed());
  }
  SECTION("empty lines do not count") {
    served s(with({.header_timeout = 50ms}));
    auto c = s.connect();
    c.send("\r\n\r\n");
    CHECK(c.closed());
  }
}

TEST_CASE("an answer that is not read is given up") {
  served s(with({.write_timeout = 100ms}));
  auto c = s.connect(4096);
  c.get("/big");
  boost::system::error_code ec;
  REQUIRE(s.happened.wait("/big"));
  // The server lets go without the caller's having read a byte.
  while (s.server().connections() > 0)
    std::this_thread::yield();
  CHECK(c.rest(ec).size() < test::big_answer);
  CHECK(ec == boost::asio::error::connection_reset);
}

TEST_CASE("an answer that is larger than the socket's buffer arrives whole") {
  served s;
  auto c = s.connect();
  c.get("/big");
  CHECK(c.read().body().size() == test::big_answer);
  c.get("/hello");
  CHECK(c.read().body() == "hello");
}

TEST_CASE("a refused caller that goes on sending is not kept for ever") {
  served s(with({.body_bytes = 10, .linger_timeout = 50ms}));
  auto c = s.connect();
  CHECK(c.call("POST /size HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n").result() ==
        status::payload_too_large);
  CHECK(c.closed());
}
