#include "process/contract/connection.hpp"

#include "catch.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/system_error.hpp>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace connection_test {

namespace asio = boost::asio;
using namespace hotslot::process;

// While it lives no further descriptor can be had.
class no_descriptors_left {
 public:
  no_descriptors_left() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const int next = ::open("/dev/null", O_RDONLY);
    ::close(next);
    rlimit none = before_;
    none.rlim_cur = static_cast<rlim_t>(next);
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  ~no_descriptors_left() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

// 14.10
TEST_CASE("the server's lack of descriptors is not told as the function's doing", "[connection]") {
  asio::io_context io;
  detail::connection c(io.get_executor(),
                       {.header = 1024, .body = std::numeric_limits<std::uint64_t>::max()});
  char folder[] = "/tmp/hotslot-XXXXXX";
  c.set_directory(::mkdtemp(folder));
  asio::local::stream_protocol::acceptor(io, std::string(folder).append("/lsnr.sock"));
  boost::system::error_code failure;
  std::optional<no_descriptors_left> none(std::in_place);
  asio::co_spawn(io, c.exchange({}), [&](std::exception_ptr e, const call_reply&) {
    try {
      std::rethrow_exception(e);
    } catch (const boost::system::system_error& failed) {
      failure = failed.code();
    }
  });
  io.run();
  none.reset();
  std::filesystem::remove_all(folder);
  CHECK(failure == errc::no_descriptor);
  CHECK(failure_status(failure) == boost::beast::http::status::service_unavailable);
}

/// A function that does what it is told, step by step.
class peer {
 public:
  peer() { c_.set_directory(folder_); }
  ~peer() { std::filesystem::remove_all(folder_); }

  detail::connection& connection() { return c_; }

  void begin(asio::awaitable<call_reply> operation) { begin(status_of(std::move(operation))); }
  void begin(asio::awaitable<void> operation) { begin(done(std::move(operation))); }

  void begin(asio::awaitable<unsigned> operation) {
    result_.reset();
    asio::co_spawn(
        io_, std::move(operation),
        asio::bind_cancellation_slot(signal_.slot(), [this](std::exception_ptr e, unsigned status) {
          result_ = {e ? code_of(e) : boost::system::error_code(), status};
        }));
    step();
  }

  void cancel() {
    signal_.emit(asio::cancellation_type::terminal);
    step();
    REQUIRE(ended() == asio::error::operation_aborted);
  }

  boost::system::error_code ended() const {
    REQUIRE(result_);
    return result_->first;
  }
  unsigned status() const {
    REQUIRE(result_);
    REQUIRE_FALSE(result_->first);
    return result_->second;
  }
  bool waits() const { return !result_; }

  void accept() { socket_ = acceptor_.accept(); }
  void say(std::string_view text) {
    asio::write(socket_, asio::buffer(text));
    step();
  }
  void close() {
    socket_.close();
    step();
  }

  /// All that it has been sent, and whether that was the end.
  std::pair<std::string, bool> heard() {
    socket_.non_blocking(true);
    std::string all;
    char bytes[4096];
    for (boost::system::error_code ec;;) {
      all.append(bytes, socket_.read_some(asio::buffer(bytes), ec));
      if (ec)
        return {all, ec == asio::error::eof};
    }
  }

 private:
  static std::string make_folder() {
    char folder[] = "/tmp/hotslot-XXXXXX";
    return ::mkdtemp(folder);
  }

  static asio::awaitable<unsigned> status_of(asio::awaitable<call_reply> operation) {
    const auto reply = co_await std::move(operation);
    co_return reply.result_int();
  }

  static asio::awaitable<unsigned> done(asio::awaitable<void> operation) {
    co_await std::move(operation);
    co_return 0;
  }

  static boost::system::error_code code_of(const std::exception_ptr& e) {
    try {
      std::rethrow_exception(e);
    } catch (const boost::system::system_error& failed) {
      return failed.code();
    }
  }

  void step() {
    io_.restart();
    io_.poll();
  }

  asio::io_context io_;
  std::string folder_ = make_folder();
  asio::local::stream_protocol::acceptor acceptor_{io_, folder_ + "/lsnr.sock"};
  asio::local::stream_protocol::socket socket_{io_};
  detail::connection c_{io_.get_executor(), {.header = 1024, .body = 1 << 20}};
  asio::cancellation_signal signal_;
  std::optional<std::pair<boost::system::error_code, unsigned>> result_;
};

call_request whole_request(std::string body = "hi") {
  call_request request;
  request.head =
      "POST /call HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  request.body = std::move(body);
  return request;
}

constexpr std::string_view ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
constexpr std::string_view interim_and_chunks =
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 502 No\r\nTransfer-Encoding: chunked\r\n\r\n"
    "2\r\nok\r\n3;x=y\r\nand\r\n0\r\nA: trailer\r\n\r\n";

void check_usable(peer& p, bool by_a_new_connection) {
  REQUIRE(p.connection().clean());
  p.begin(p.connection().exchange(whole_request()));
  if (by_a_new_connection)
    p.accept();
  CHECK(p.heard().first.ends_with("hi"));
  p.say(ok);
  CHECK(p.status() == 200);
}

TEST_CASE("a call that was cut off at any byte of its reply is ended", "[connection]") {
  for (const auto& [reply, status] : {std::pair(ok, 200U), std::pair(interim_and_chunks, 502U)})
    for (std::size_t at = 0; at < reply.size(); ++at) {
      INFO(reply << " at " << at);
      peer p;
      p.begin(p.connection().exchange(whole_request()));
      p.accept();
      CHECK(p.heard() == std::pair(whole_request().head + "hi", false));
      p.say(reply.substr(0, at));
      p.cancel();
      CHECK_FALSE(p.connection().clean());
      p.begin(p.connection().end_unheard(100));
      CHECK(p.heard() == std::pair(std::string(), false)); // as if nothing were
      REQUIRE(p.waits());
      p.say(reply.substr(at));
      CHECK(p.status() == status);
      check_usable(p, false);
    }
}

TEST_CASE("a function that closes instead may go on with such a call", "[connection]") {
  for (const auto part : {ok.substr(0, 0), ok.substr(0, 10), ok.substr(0, ok.size() - 1)}) {
    peer p;
    p.begin(p.connection().exchange(whole_request()));
    p.accept();
    p.say(part);
    p.cancel();
    p.begin(p.connection().end_unheard(100));
    p.close();
    CHECK(p.ended() == errc::connection_lost);
    CHECK_FALSE(p.connection().clean());
  }
}

TEST_CASE("the reply to such a call is bounded", "[connection]") {
  peer p;
  p.begin(p.connection().exchange(whole_request()));
  p.accept();
  p.cancel();
  p.begin(p.connection().end_unheard(1));
  p.say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nmore");
  CHECK(p.ended() == errc::reply_too_large);
  CHECK_FALSE(p.connection().clean());
}

TEST_CASE("one that has been answered whole has ended", "[connection]") {
  peer p;
  p.begin(p.connection().begin(whole_request(std::string(10'000'000, 'x'))));
  p.accept();
  p.begin(p.connection().receive(100));
  p.say(ok);
  CHECK(p.status() == 200);
  CHECK_FALSE(p.connection().clean());
  p.begin(p.connection().end_unheard(100));
  CHECK(p.status() == 200);
  check_usable(p, true);
}

TEST_CASE("what is no reply leaves it unusable", "[connection]") {
  peer p;
  p.begin(p.connection().exchange(whole_request()));
  p.accept();
  p.cancel();
  p.begin(p.connection().end_unheard(100));
  p.say("this is no HTTP\r\n\r\n");
  CHECK(p.ended() == errc::invalid_reply);
  CHECK_FALSE(p.connection().clean());
}

TEST_CASE("a call that was cut off while it was sent is ended", "[connection]") {
  peer p;
  p.begin(p.connection().exchange(whole_request(std::string(10'000'000, 'x'))));
  p.accept();
  p.cancel();
  p.begin(p.connection().end_unheard(100));
  CHECK(p.heard().second);
  p.say("HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n");
  CHECK(p.status() == 400);
  check_usable(p, true);
}

TEST_CASE("one that was not sent at all needs no end", "[connection]") {
  peer p;
  CHECK(p.connection().clean());
  p.begin(p.connection().end_unheard(100));
  CHECK(p.status() == 200);
  check_usable(p, true);
}

} // namespace connection_test
