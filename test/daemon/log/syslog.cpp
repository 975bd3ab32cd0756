// Messages of the syslog protocol, and their way to a server.
#include "daemon/log/syslog_message.hpp"
#include "daemon/log/syslog_sender.hpp"

#include "catch.hpp"

#include <boost/asio.hpp>

#include <array>
#include <sstream>
#include <vector>

namespace {

using namespace hotslot::daemon;
using namespace std::chrono_literals;

// What stands behind the header in a message of this text and these data.
std::string rest_of(std::string_view text, std::span<const text_field> data = {}) {
  const auto all = render(syslog_message{.data = data, .text = text});
  constexpr std::string_view header = "<14>1 1970-01-01T00:00:00.000Z - - - - ";
  REQUIRE(all.starts_with(header));
  return all.substr(header.size());
}

std::string value(std::string_view v) {
  const text_field data[] = {{"v", v}};
  const auto all = rest_of("", data);
  constexpr std::string_view before = "[hotslot@32473 v=\"";
  REQUIRE(all.starts_with(before));
  REQUIRE(all.ends_with("\"] "));
  return all.substr(before.size(), all.size() - before.size() - 3);
}

TEST_CASE("a syslog message has every field in its place") {
  const std::array<text_field, 2> data{{{"app", "demo"}, {"call", "0af3"}}};
  CHECK(render(syslog_message{.facility = syslog_facility::local3,
                              .severity = syslog_severity::error,
                              .time = std::chrono::system_clock::time_point(1'700'000'000'123ms),
                              .host = "host.example",
                              .app = "hotslotd",
                              .process = "4711",
                              .kind = "output",
                              .data = data,
                              .text = "it works"}) ==
        "<155>1 2023-11-14T22:13:20.123Z host.example hotslotd 4711 output "
        "[hotslot@32473 app=\"demo\" call=\"0af3\"] it works");
}

TEST_CASE("a syslog message without anything is one of nil values") { CHECK(rest_of("") == "- "); }

TEST_CASE("header fields hold what they may, and are cut") {
  const auto with_host = [](std::string_view host) {
    const auto all = render(syslog_message{.host = host, .app = "a", .text = "x"});
    return all.substr(all.find(' ', 6) + 1, all.find(" a - - - x") - all.find(' ', 6) - 1);
  };
  CHECK(with_host("a b\nc\xc3\xa9"
                  "d") == "a_b_c__d");
  CHECK(with_host(std::string(300, 'h')) == std::string(255, 'h'));
  const auto long_app = render(syslog_message{.app = std::string(60, 'a'), .kind = std::string(60, 'k')});
  CHECK(long_app.ends_with(' ' + std::string(48, 'a') + " - " + std::string(32, 'k') + " - "));
}

TEST_CASE("values of structured data are escaped") {
  CHECK(value("plain é €") == "plain é €");
  CHECK(value("\"quoted\" [x] a\\b") == "\\\"quoted\\\" [x\\] a\\\\b");
  CHECK(value("a\nb") == "a\\x0ab");
  CHECK(value("\xff") == "\\xff");
  const text_field odd[] = {{"a=b]\" \x01"
                             "c",
                             "v"},
                            {std::string_view("0123456789012345678901234567890123"), "v"}};
  CHECK(rest_of("", odd) == "[hotslot@32473 a_b____c=\"v\" 01234567890123456789012345678901=\"v\"] ");
}

TEST_CASE("a text is one line of UTF-8, marked where it is not ASCII") {
  CHECK(rest_of("a [b] \"c\" \\d") == "- a [b] \"c\" \\d");
  CHECK(rest_of("größer") == "- \xef\xbb\xbfgrößer");
  CHECK(rest_of("a\tb\x1b[2J\r\nc") == "- a\tb\\x1b[2J\\x0d\\x0ac");
  CHECK(rest_of(std::string_view("\0\xc0\xaf", 3)) == "- \\x00\\xc0\\xaf");
  CHECK(rest_of("\xed\xa0\x80") == "- \\xed\\xa0\\x80");
}

TEST_CASE("addresses of syslog servers") {
  const auto udp = parse_syslog_address("udp://[::1]:514");
  REQUIRE(udp);
  CHECK(udp->transport == syslog_transport::udp);
  CHECK(udp->host == "::1");
  CHECK(udp->port == "514");
  const auto tcp = parse_syslog_address("tcp://logs.example:601");
  REQUIRE(tcp);
  CHECK(tcp->transport == syslog_transport::tcp);
  CHECK(tcp->host == "logs.example");
  const auto local = parse_syslog_address("unix:/dev/log");
  REQUIRE(local);
  CHECK(local->transport == syslog_transport::unix_datagram);
  CHECK(local->path == "/dev/log");
  for (const std::string bad :
       {"", "logs.example", "http://logs.example:1", "udp://logs.example", "udp://:514", "udp://h:0",
        "tcp://h:99999", "tcp://h:1/x", "tcp://u@h:1", "unix:dev/log", "unix://h/dev/log", "unix:", "tcp:/x"})
    CHECK((parse_syslog_address(bad) ? bad : "") == "");
  CHECK_FALSE(parse_syslog_address("unix:/" + std::string(107, 'x')));
}

// A sender on a context, and a TCP listener on a free port; everything is run by hand.
struct sending {
  sending()
    : acceptor(io, {asio::ip::address_v4::loopback(), 0}) {
    const auto port = std::to_string(acceptor.local_endpoint().port());
    options.address = *parse_syslog_address("tcp://127.0.0.1:" + port);
    options.pause = 1ms;
  }

  void run_until(const std::function<bool()>& done) {
    const auto late = std::chrono::steady_clock::now() + 20s;
    while (!done() && std::chrono::steady_clock::now() < late)
      io.run_one_for(1s), io.restart();
    REQUIRE(done());
  }

  std::string text_of(std::size_t size, asio::ip::tcp::socket& from) {
    std::string text(size, '\0');
    bool there = false;
    asio::async_read(from, asio::buffer(text), [&](boost::system::error_code ec, std::size_t) {
      CHECK_FALSE(ec);
      there = true;
    });
    run_until([&] { return there; });
    return text;
  }

  asio::ip::tcp::socket accept() {
    asio::ip::tcp::socket s(io);
    bool there = false;
    acceptor.async_accept(s, [&](boost::system::error_code) { there = true; });
    run_until([&] { return there; });
    return s;
  }

  asio::io_context io;
  asio::ip::tcp::acceptor acceptor;
  std::ostringstream told;
  logger log{log_level::info, told};
  syslog_sender_options options;
};

TEST_CASE("over TCP, each message has its length in front, and what broke off is sent again") {
  sending s;
  const auto sender = std::make_shared<syslog_sender>(s.io.get_executor(), s.options, s.log);
  sender->send("one");
  sender->send("");
  sender->send("three 3");
  auto peer = s.accept();
  CHECK(s.text_of(5 + 2 + 9, peer) == "3 one0 7 three 3");
  peer.close();
  sender->send("four"); // finds that the peer has hung up
  peer = s.accept();
  CHECK(s.text_of(6, peer) == "4 four");
  CHECK(sender->lost() == 0);
}

TEST_CASE("what finds the queue full is lost, and told of when the rest is sent") {
  sending s;
  s.options.queue_bytes = 10;
  const auto sender = std::make_shared<syslog_sender>(s.io.get_executor(), s.options, s.log);
  for (int i = 0; i < 5; ++i)
    sender->send("abc"); // 5 bytes
  CHECK(sender->lost() == 3);
  CHECK(s.told.str().find("too many wait") != std::string::npos);
  auto peer = s.accept();
  CHECK(s.text_of(10, peer) == "3 abc3 abc");
  s.run_until([&] { return s.told.str().find("dropped=3") != std::string::npos; });
}

TEST_CASE("a server that is not there is tried again; a close loses what waits") {
  sending s;
  s.acceptor.close();
  const auto sender = std::make_shared<syslog_sender>(s.io.get_executor(), s.options, s.log);
  sender->send("abc");
  s.run_until([&] { return s.told.str().find("cannot be reached") != std::string::npos; });
  sender->send("def");
  CHECK(sender->lost() == 0);
  sender->close();
  s.run_until([&] { return sender->lost() == 2; });
  s.io.run_for(20s);
  CHECK(s.io.stopped()); // nothing keeps the context
}

TEST_CASE("a peer that does not read holds a close up no longer than its linger") {
  sending s;
  s.options.queue_bytes = 64u << 20;
  s.options.linger = 20ms;
  const auto sender = std::make_shared<syslog_sender>(s.io.get_executor(), s.options, s.log);
  for (int i = 0; i < 32; ++i)
    sender->send(std::string(1u << 20, 'x'));
  auto peer = s.accept();
  sender->close();
  s.run_until([&] { return sender->lost() > 0; });
}

TEST_CASE("a close loses what waits, whatever has happened by then") {
  for (int round = 0; round < 16; ++round) {
    sending s;
    s.options.queue_bytes = 64u << 20;
    s.options.linger = 0ms;
    const auto sender = std::make_shared<syslog_sender>(s.io.get_executor(), s.options, s.log);
    for (int i = 0; i < 16; ++i)
      sender->send(std::string(1u << 20, 'x'));
    for (int n = 0; n < round % 8; ++n)
      s.io.run_one_for(1s), s.io.restart();
    sender->close();
    s.run_until([&] { return sender->lost() > 0; });
  }
}

} // namespace
