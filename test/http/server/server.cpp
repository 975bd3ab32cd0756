// From listen to the end of the last connection.
#include <hotslot/http/server.hpp>

#include "catch.hpp"
#include "served.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <deque>

using namespace hotslot;
using namespace hotslot::http;
using namespace std::chrono_literals;
namespace asio = boost::asio;
using test::client;
using test::served;

namespace {

server_handler hello() {
  return [](request&&, exchange&) -> asio::awaitable<response> {
    co_return make_response(status::ok, "text/plain", "hello");
  };
}

const asio::ip::tcp::endpoint any_port(asio::ip::address_v4::loopback(), 0);

struct file_descriptor {
  explicit file_descriptor(int d)
    : fd(d) {}
  ~file_descriptor() { close(fd); }
  const int fd;
};

void wait_for_connections(served& s, std::size_t n) {
  while (s.server().connections() != n)
    std::this_thread::yield();
}

// A client may have read an answer before its writer has counted it.
void wait_for_sent(served& s, std::size_t bytes) {
  while (s.server().counts().sent_bytes < bytes)
    std::this_thread::yield();
}

// Restores the limit on file descriptors.
class descriptor_limit {
 public:
  explicit descriptor_limit(rlim_t soft) {
    getrlimit(RLIMIT_NOFILE, &before_);
    set(soft);
  }
  ~descriptor_limit() { set(before_.rlim_cur); }

 private:
  void set(rlim_t soft) {
    const rlimit now{soft, before_.rlim_max};
    setrlimit(RLIMIT_NOFILE, &now);
  }
  rlimit before_{};
};

} // namespace

TEST_CASE("an address in use is refused by name") {
  asio::io_context context;
  server first(context.get_executor(), hello());
  const auto at = first.listen(any_port);
  CHECK(at.port() != 0);
  server second(context.get_executor(), hello());
  try {
    second.listen(at);
    FAIL("listened twice");
  } catch (const boost::system::system_error& e) {
    CHECK(e.code() == asio::error::address_in_use);
    CHECK(std::string(e.what()).find("cannot listen on 127.0.0.1:" + std::to_string(at.port())) == 0);
  }
  CHECK(second.listen(any_port).port() != at.port());
}

TEST_CASE("a socket that listens already is served") {
  asio::io_context context;
  asio::ip::tcp::acceptor made(context, any_port);
  const auto at = made.local_endpoint();
  server_options options;
  options.single_threaded = true;
  server s(context.get_executor(), hello(), options);
  CHECK(s.adopt(made.release()) == at);
  s.start();
  std::thread serving([&] { context.run(); });
  test::client c(at);
  c.get("/");
  CHECK(c.read().body() == "hello");
  s.stop();
  serving.join();
  CHECK_THROWS(test::client(at));
}

TEST_CASE("a unix socket is served") {
  asio::io_context context;
  asio::local::stream_protocol::acceptor made(context, asio::local::stream_protocol());
  made.bind({}); // to a name of the kernel's choice
  made.listen();
  const auto at = made.local_endpoint();
  server_options options;
  options.single_threaded = true;
  options.limits.max_connections_per_address = 1; // has nothing to do with those who have no address
  std::optional<asio::ip::tcp::endpoint> peer;
  options.on_answered = [&](const access_record& r) { peer = r.peer; };
  const auto handler = [](request&& req, exchange& ex) -> asio::awaitable<response> {
    const auto host = req[field::host];
    co_return make_response(status::ok, "text/plain",
                            ex.client_address().to_string() + " " + std::string(host.data(), host.size()));
  };
  server s(context.get_executor(), handler, options);
  CHECK(s.adopt(made.release()) == asio::ip::tcp::endpoint());
  s.start();
  std::thread serving([&] { context.run(); });
  asio::io_context callers;
  asio::local::stream_protocol::socket first(callers), second(callers);
  first.connect(at);
  second.connect(at);
  const auto call = [](auto& by, std::string_view text) {
    asio::write(by, asio::buffer(text));
    boost::beast::flat_buffer buffer;
    test::client::response answer;
    boost::beast::http::read(by, buffer, answer);
    return answer.body();
  };
  CHECK(call(first, "GET / HTTP/1.1\r\nHost: h\r\n\r\n") == "0.0.0.0 h");
  CHECK(call(second, "GET / HTTP/1.0\r\n\r\n") == "0.0.0.0 localhost");
  s.stop();
  serving.join();
  CHECK(peer == asio::ip::tcp::endpoint());
  CHECK(s.counts().refused == 0);
}

TEST_CASE("what is no listening socket is refused, and left alone") {
  asio::io_context context;
  asio::ip::tcp::acceptor bound(context, any_port.protocol());
  bound.bind(any_port);
  asio::ip::udp::socket datagrams(context, asio::ip::udp::v4());
  asio::local::stream_protocol::acceptor local(context, asio::local::stream_protocol());
  const file_descriptor null(open("/dev/null", O_RDWR));
  struct row {
    int fd;
    std::string told;
  };
  for (const auto& [fd, told] : {row{bound.native_handle(), " does not listen"},
                                 row{datagrams.native_handle(), " is neither a TCP socket nor a unix one"},
                                 row{local.native_handle(), " does not listen"},
                                 row{null.fd, " is no socket"}, row{100'000, " cannot be used"}}) {
    server s(context.get_executor(), hello());
    CHECK_THROWS_WITH(s.adopt(fd), Catch::Matchers::StartsWith("descriptor " + std::to_string(fd) + told));
    CHECK((fd == 100'000 || fcntl(fd, F_GETFD) >= 0));
  }
}

TEST_CASE("drain closes what is idle and finishes what runs") {
  served s({}, GENERATE(1, 2));
  auto fresh = s.connect();
  auto idle = s.connect();
  idle.get("/hello");
  idle.read();
  auto running = s.connect();
  running.get("/gate");
  REQUIRE(s.happened.wait("/gate"));
  wait_for_connections(s, 3);
  s.drain(1h);
  CHECK(idle.closed());
  CHECK(fresh.closed());
  CHECK_THROWS(s.connect());
  CHECK(s.happened.count("drained") == 0);
  s.open_gate();
  const auto res = running.read();
  CHECK(res.body() == "open");
  CHECK(res[field::connection] == "close");
  CHECK(running.closed());
  CHECK(s.happened.wait("drained"));
  CHECK(s.server().connections() == 0);
}

TEST_CASE("a request of which a part is there is finished, too") {
  served s;
  auto c = s.connect();
  c.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  CHECK(c.read(true).result() == status::continue_);
  s.drain(1h);
  c.send("body");
  CHECK(c.read().body() == "body");
  CHECK(c.closed());
  CHECK(s.happened.wait("drained"));
}

TEST_CASE("after the grace, what still runs is cut") {
  served s;
  auto c = s.connect();
  c.get("/wait");
  REQUIRE(s.happened.wait("/wait"));
  s.drain(20ms);
  CHECK(s.happened.wait("drained"));
  CHECK(s.happened.count("abandoned") == 1);
  CHECK(c.closed());
}

TEST_CASE("a second drain may shorten the grace, and stop ends it") {
  served s;
  auto c = s.connect();
  c.get("/wait");
  REQUIRE(s.happened.wait("/wait"));
  s.drain(1h);
  SECTION("drain") { s.server().drain(1ms); }
  SECTION("stop") { s.server().stop(); }
  CHECK(s.happened.wait("drained"));
  CHECK(s.happened.count("abandoned") == 1);
}

TEST_CASE("stop cuts every phase") {
  served s;
  auto fresh = s.connect();
  auto head = s.connect();
  head.send("GET ");
  auto body = s.connect();
  body.send("POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  CHECK(body.read(true).result() == status::continue_);
  auto running = s.connect();
  running.get("/wait");
  auto writing = s.connect(4096);
  writing.get("/big");
  REQUIRE(s.happened.wait("/wait"));
  REQUIRE(s.happened.wait("/big"));
  wait_for_connections(s, 5);
  s.server().stop();
  s.join();
  CHECK(s.happened.wait("drained"));
  CHECK(s.server().connections() == 0);
}

TEST_CASE("a server that was never started drains at once") {
  asio::io_context context;
  server srv(context.get_executor(), hello());
  bool done = false;
  asio::co_spawn(context, srv.async_drain(1h), [&](std::exception_ptr e) { done = !e; });
  context.run();
  CHECK(done);
}

// 14.30: begun earlier, it ended the work of a context that nothing else kept, and was never resumed.
TEST_CASE("a drain begins when it is awaited") {
  asio::io_context context;
  server srv(context.get_executor(), hello());
  srv.listen(any_port);
  srv.start();
  auto drain = srv.async_drain(1h);
  context.poll();
  CHECK_FALSE(context.stopped());
  bool done = false;
  asio::co_spawn(context, std::move(drain), [&](std::exception_ptr e) { done = !e; });
  context.run();
  CHECK(done);
}

TEST_CASE("waiting for the end can be cancelled") {
  using namespace asio::experimental::awaitable_operators;
  asio::io_context context;
  server srv(context.get_executor(), hello());
  srv.listen(any_port);
  srv.start();
  std::size_t first = 99;
  asio::co_spawn(
      context,
      [&]() -> asio::awaitable<void> {
        asio::steady_timer soon(context, 1ms);
        first = (co_await (srv.async_join() || soon.async_wait(asio::use_awaitable))).index();
        co_await srv.async_drain(0s);
      },
      asio::detached);
  context.run();
  CHECK(first == 1);
}

TEST_CASE("the server may be destroyed before its connections end") {
  asio::io_context context;
  auto gone = std::make_shared<int>(0);
  const std::weak_ptr<int> watch = gone;
  auto srv = std::make_unique<server>(
      context.get_executor(), [gone = std::move(gone)](request&&, exchange&) -> asio::awaitable<response> {
        asio::steady_timer timer(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
        co_await timer.async_wait(asio::use_awaitable);
        co_return response();
      });
  const auto at = srv->listen(any_port);
  srv->start();
  client c(at);
  c.get("/");
  asio::steady_timer poll(context);
  while (srv->connections() == 0)
    context.run_one();
  context.poll();
  srv.reset();
  CHECK_FALSE(watch.expired());
  context.run();
  CHECK(watch.expired());
}

TEST_CASE("a context may be destroyed under its connections") {
  const bool busy = GENERATE(false, true);
  const bool single = GENERATE(false, true);
  std::vector<std::unique_ptr<client>> clients;
  bool called = false;
  asio::io_context context;
  server_options options;
  options.single_threaded = single;
  server srv(
      context.get_executor(),
      [&called](request&&, exchange&) -> asio::awaitable<response> {
        called = true;
        asio::steady_timer timer(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
        co_await timer.async_wait(asio::use_awaitable);
        co_return response();
      },
      options);
  const auto at = srv.listen(any_port);
  srv.start();
  for (int i = 0; i < 3; ++i)
    clients.push_back(std::make_unique<client>(at));
  if (busy)
    clients[0]->get("/");
  while (srv.connections() < 3 || called != busy)
    context.run_one();
  context.poll();
}

TEST_CASE("a thousand connections") {
  constexpr int many = 1'000;
  served s;
  std::vector<std::unique_ptr<client>> clients;
  for (int i = 0; i < many; ++i)
    clients.push_back(std::make_unique<client>(s.endpoint()));
  for (int round = 0; round < 3; ++round) {
    for (auto& c : clients)
      c->get("/hello");
    for (auto& c : clients)
      REQUIRE(c->read().body() == "hello");
  }
  CHECK(s.server().connections() == many);
  CHECK(s.happened.count("/hello") == 3 * many);
  s.drain(1h);
  CHECK(s.happened.wait("drained"));
  for (auto& c : clients)
    REQUIRE(c->closed());
}

TEST_CASE("connections beyond the limit wait until a call has ended") {
  server_options options;
  options.limits.max_connections = 2;
  served s(options);
  auto first = s.connect();
  auto second = s.connect();
  for (auto* c : {&first, &second}) {
    c->get("/gate");
    REQUIRE(s.happened.wait("/gate", c == &first ? 1 : 2));
  }
  auto third = s.connect();
  third.get("/hello");
  CHECK(s.server().connections() == 2);
  CHECK(s.happened.count("/hello") == 0);
  first.close();
  CHECK(third.read().body() == "hello");
  s.open_gate();
  CHECK(second.read().result() == status::ok);
}

// On one thread, where who was answered waits again before anybody else is served.
TEST_CASE("where all connections are taken, the one that has waited longest makes room") {
  server_options options;
  options.limits.max_connections = 2;
  served s(options, 1);
  auto first = s.connect();
  auto second = s.connect();
  const auto served_once = [](client& c) {
    c.get("/hello");
    return c.read().body() == "hello";
  };
  SECTION("for its next request") {
    REQUIRE(served_once(first));
    REQUIRE(served_once(second));
  }
  SECTION("for its first") {
    wait_for_connections(s, 2);
    REQUIRE(served_once(second));
  }
  SECTION("for the rest of its header") {
    first.send("GET /he");
    REQUIRE(served_once(second));
  }
  CHECK(s.server().counts().given_up == 0); // nobody has come for whom there is no room
  auto third = s.connect();
  CHECK(served_once(third));
  CHECK(first.closed());
  CHECK(served_once(third));
  const auto counts = s.server().counts();
  CHECK(counts.given_up == 1);
  CHECK(counts.accepted == 3);
  CHECK(counts.open == 2);
}

TEST_CASE("however connections come to wait, room is made for others") {
  server_options options;
  options.limits.max_connections = 3;
  served s(options, 2);
  std::deque<client> silent;
  for (int i = 0; i < 200; ++i) {
    auto& c = silent.emplace_back(s.endpoint());
    c.get("/hello");
    REQUIRE(c.read().body() == "hello"); // at once, and not when others have run out of time
    if (silent.size() > 10)
      silent.pop_front();
  }
  CHECK(s.server().counts().accepted == 200);
}

TEST_CASE("bytes are counted, of connections that are open and of those that have ended") {
  served s({}, GENERATE(1, 2));
  const std::string text = "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n";
  const std::string last = "GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
  boost::system::error_code ec;
  auto open = s.connect();
  open.send(text);
  open.read();
  auto ended = s.connect();
  ended.send(last);
  const auto answer = ended.rest(ec).size();
  const auto both = 2 * answer - std::string("Connection: close\r\n").size();
  wait_for_connections(s, 1);
  wait_for_sent(s, both);
  CHECK(s.server().counts().received_bytes == text.size() + last.size());
  CHECK(s.server().counts().sent_bytes == both);
  open.get("/big");
  open.read();
  wait_for_sent(s, both + test::big_answer);
  CHECK(s.server().counts().sent_bytes < both + test::big_answer + 1000);
}

TEST_CASE("while somebody waits to be let in, answers close their connections") {
  server_options options;
  options.limits.max_connections = 1;
  served s(options);
  auto busy = s.connect();
  busy.get("/hello");
  REQUIRE(busy.read().keep_alive());
  auto other = s.connect();
  other.get("/hello");
  for (bool open = true; open;) // it is either given up while it is idle, or told
    try {
      busy.get("/hello");
      open = busy.read().keep_alive();
    } catch (const boost::system::system_error&) {
      open = false;
    }
  CHECK(other.read().body() == "hello");
}

TEST_CASE("one address may have so many connections") {
  server_options options;
  options.limits.max_connections_per_address = 2;
  SECTION("which is for proxies no limit") {
    options.proxies.add("127.0.0.0/8");
    served s(options);
    std::vector<std::unique_ptr<client>> clients;
    for (int i = 0; i < 5; ++i)
      clients.push_back(std::make_unique<client>(s.endpoint()));
    wait_for_connections(s, 5);
    CHECK(s.server().counts().refused == 0);
  }
  SECTION("more are closed at once, until one has ended") {
    served s(options);
    auto first = std::make_unique<client>(s.endpoint());
    auto second = s.connect();
    wait_for_connections(s, 2);
    auto third = s.connect();
    boost::system::error_code ec;
    CHECK(third.rest(ec).empty());
    CHECK(s.server().counts().refused == 1);
    first.reset();
    wait_for_connections(s, 1);
    auto fourth = s.connect();
    fourth.get("/hello");
    CHECK(fourth.read().body() == "hello");
  }
}

TEST_CASE("accepting goes on when file descriptors are free again") {
  served s;
  auto before = s.connect();
  before.get("/hello");
  before.read();
  client late(s.endpoint());
  wait_for_connections(s, 2);
  // The client's own sockets are open already; only accept() is short of descriptors.
  std::vector<std::unique_ptr<client>> more;
  asio::io_context context;
  asio::ip::tcp::socket waiting(context);
  waiting.open(asio::ip::tcp::v4());
  {
    const descriptor_limit none(3);
    waiting.connect(s.endpoint());
    REQUIRE(s.happened.wait("cannot accept connections, trying again: Too many open files"));
    before.get("/hello");
    CHECK(before.read().body() == "hello");
  }
  asio::write(waiting, asio::buffer(std::string_view("GET /hello HTTP/1.0\r\n\r\n")));
  std::string answer;
  boost::system::error_code ec;
  asio::read(waiting, asio::dynamic_buffer(answer), ec);
  CHECK(answer.ends_with("hello"));
}
