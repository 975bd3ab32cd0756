// Callers that mean harm: memory stays bounded, and another caller is served meanwhile.
#include "catch.hpp"
#include "joining_thread.hpp"
#include "seed.hpp"
#include "served.hpp"

#include <arpa/inet.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <random>
#include <system_error>

using namespace hotslot;
using namespace std::chrono_literals;
namespace asio = boost::asio;
using test::client;
using test::served;

namespace {

#ifdef INSTRUMENTED
constexpr bool sanitized = true; // whose own memory is most of it
#else
constexpr bool sanitized = false;
#endif

std::size_t resident_bytes() {
  std::ifstream in("/proc/self/statm");
  std::size_t size = 0, resident = 0;
  in >> size >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

/// Of what this process has come to since then.
class memory_bound {
 public:
  explicit memory_bound(std::size_t most)
    : most_(most) {}
  void check() const {
    const std::size_t now = resident_bytes();
    const std::size_t more = now > before_ ? now - before_ : 0;
    WARN(more / 1024 << " KB more");
    CHECK((sanitized || more <= most_));
  }

 private:
  const std::size_t most_;
  const std::size_t before_ = resident_bytes();
};

/// Calls without a pause, and tells at its end how long it had to wait at most.
class healthy_caller {
 public:
  explicit healthy_caller(served& s)
    : client_(s.endpoint())
    , thread_([this] {
      while (!stopped_)
        call();
    }) {}
  ~healthy_caller() {
    stopped_ = true;
    thread_.join();
    WARN("a healthy caller: " << calls_ << " calls, at most "
                              << std::chrono::duration_cast<std::chrono::microseconds>(longest_).count()
                              << " us");
    CHECK(calls_ > 0);
    CHECK(failed_ == 0);
  }

 private:
  void call() {
    const auto begin = std::chrono::steady_clock::now();
    try {
      client_.get("/hello");
      failed_ += client_.read().body() != "hello";
    } catch (const boost::system::system_error&) {
      ++failed_;
      return;
    }
    longest_ = std::max(longest_, std::chrono::steady_clock::now() - begin);
    ++calls_;
  }

  client client_;
  std::chrono::steady_clock::duration longest_{};
  int calls_ = 0;
  std::atomic<int> failed_ = 0;
  std::atomic<bool> stopped_ = false;
  std::thread thread_;
};

// What a server that has refused does not read is no failure of the caller's.
void send_as_far_as_it_goes(client& c, std::string_view bytes) {
  boost::system::error_code ignored;
  asio::write(c.socket(), asio::buffer(bytes), ignored);
}

bool raise_descriptor_limit(rlim_t to) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur >= to)
    return true;
  limit = {to, std::max(limit.rlim_max, to)};
  return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

/// Connections of a child process, so that neither of the two needs twice as many descriptors. They are open
/// until the end.
class idle_connections {
 public:
  explicit idle_connections(int many) {
    if (pipe(port_) != 0)
      throw std::system_error(errno, std::system_category(), "pipe");
    child_ = fork(); // before the server has threads
    if (child_ == 0)
      _exit(run(many));
    ::close(port_[0]);
  }
  ~idle_connections() {
    ::close(port_[1]);
    waitpid(child_, nullptr, 0);
  }
  idle_connections(const idle_connections&) = delete;
  idle_connections& operator=(const idle_connections&) = delete;

  void connect(const client::tcp::endpoint& server) {
    const std::uint16_t port = server.port();
    CHECK(write(port_[1], &port, sizeof port) == sizeof port);
  }

 private:
  int run(int many) {
    ::close(port_[1]);
    sockaddr_in server{};
    server.sin_family = AF_INET;
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    std::uint16_t port = 0;
    if (read(port_[0], &port, sizeof port) != sizeof port)
      return 1;
    server.sin_port = htons(port);
    for (int i = 0; i < many; ++i)
      if (const int fd = socket(AF_INET, SOCK_STREAM, 0);
          fd < 0 || ::connect(fd, reinterpret_cast<const sockaddr*>(&server), sizeof server) != 0)
        return 1;
    return static_cast<int>(read(port_[0], &port, 1)); // its end is ours
  }

  int port_[2] = {-1, -1};
  pid_t child_ = -1;
};

} // namespace

TEST_CASE("ten thousand idle connections") {
  constexpr int many = 10'000;
  if (!raise_descriptor_limit(many + 500)) {
    WARN("skipped: no " << many + 500 << " descriptors are allowed");
    return;
  }
  idle_connections idle(many);
  http::server_options options;
  options.limits.header_timeout = 1h;
  served s(options);
  const healthy_caller healthy(s);
  const memory_bound memory(std::size_t{many} * 32 * 1024);
  idle.connect(s.endpoint());
  while (s.server().connections() <= many)
    std::this_thread::yield();
  CHECK(s.server().connections() == many + 1);
  memory.check();
}

TEST_CASE("requests that never come to their end are given up") {
  http::server_options options;
  options.limits.header_timeout = 300ms;
  options.limits.body_timeout = 300ms;
  served s(options);
  const healthy_caller healthy(s);
  const memory_bound memory(64 << 20);
  std::vector<std::unique_ptr<client>> slow;
  for (int i = 0; i < 200; ++i)
    slow.push_back(std::make_unique<client>(s.endpoint()));
  const std::string_view head = "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n";
  for (std::size_t i = 0; i < slow.size(); ++i)
    slow[i]->send(i % 2 == 0 ? head.substr(0, 10) : head);
  for (std::size_t byte = 10; byte < 20; ++byte)
    for (std::size_t i = 0; i < slow.size(); ++i)
      send_as_far_as_it_goes(*slow[i], i % 2 == 0 ? head.substr(byte, 1) : "x");
  for (auto& c : slow)
    CHECK(c->read().result() == http::status::request_timeout);
  memory.check();
}

TEST_CASE("bodies share what they may take") {
  int relieved = 0;
  http::server_options options;
  options.bodies = std::make_shared<http::byte_budget>(256 * 1024, [&] { ++relieved; });
  served s(options);
  const std::string head = "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: ";
  const std::string part(150'000, 'b');
  auto first = s.connect();
  first.send(head + "150001\r\n\r\n" + part);
  while (options.bodies->taken() < 150'000)
    std::this_thread::yield();
  for (int i = 0; i < 3; ++i) {
    const auto refused = s.connect().call(head + "150000\r\n\r\n" + part);
    CHECK(refused.result() == http::status::service_unavailable);
    CHECK(refused[http::field::retry_after] == "1");
    CHECK(s.connect().call(head + "3000\r\n\r\n" + part.substr(0, 3000)).result() == http::status::ok);
  }
  first.send("b");
  CHECK(first.read().result() == http::status::ok);
  CHECK(options.bodies->taken() == 0);
  CHECK(relieved == 1);
  CHECK(s.connect().call(head + "150000\r\n\r\n" + part).result() == http::status::ok);
}

TEST_CASE("garbage") {
  INFO("seed " << random_seed());
  served s;
  const healthy_caller healthy(s);
  const memory_bound memory(64 << 20);
  std::mt19937 random(random_seed());
  const std::string begins[] = {"", "GET / HTTP/1.1\r\n",
                                "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"};
  for (int i = 0; i < 300; ++i) {
    std::string bytes = begins[random() % 3];
    for (std::size_t n = random() % 4096; n > 0; --n)
      bytes += static_cast<char>(random());
    auto c = s.connect();
    send_as_far_as_it_goes(c, bytes);
    boost::system::error_code ec;
    c.socket().shutdown(client::tcp::socket::shutdown_send, ec);
    const std::string answer = c.rest(ec);
    CHECK((ec == asio::error::eof || ec == asio::error::connection_reset));
    CHECK((answer.empty() || answer.starts_with("HTTP/1.1 ")));
  }
  memory.check();
}

TEST_CASE("ten thousand requests in one go") {
  constexpr int many = 10'000;
  served s;
  const healthy_caller healthy(s);
  const memory_bound memory(64 << 20);
  auto c = s.connect();
  std::string all;
  for (int i = 0; i < many; ++i)
    all += "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n";
  const joining_thread sender([&] { c.send(all); });
  for (int i = 0; i < many; ++i)
    REQUIRE(c.read().body() == "hello");
  memory.check();
}

TEST_CASE("headers, extensions and trailers without an end are refused") {
  const std::string chunked = "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string begins[] = {
      "GET /hello HTTP/1.1\r\nHost: h\r\nX: ", chunked + "1;x=", chunked + "0\r\nX: "};
  const std::string endless(4 << 20, 'a');
  served s;
  const healthy_caller healthy(s);
  const memory_bound memory(64 << 20);
  for (const auto& begin : begins)
    for (int i = 0; i < 20; ++i) {
      auto c = s.connect();
      const joining_thread sender([&] {
        c.send(begin);
        send_as_far_as_it_goes(c, endless);
      });
      CHECK(c.read().result() == http::status::request_header_fields_too_large);
      boost::system::error_code ignored;
      c.socket().shutdown(client::tcp::socket::shutdown_both, ignored);
    }
  memory.check();
}

TEST_CASE("what is beside a body is bounded, however it arrives") {
  http::server_options options;
  options.limits.header_bytes = 1000;
  served s(std::move(options));
  const std::string chunked = "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const bool bounded : {true, false}) {
    const std::string some(bounded ? 900 : 1100, 'a');
    for (const auto& rest :
         {"1;x=" + some + "\r\na\r\n0\r\n\r\n", "1\r\na\r\n0;x=" + some + "\r\n\r\n",
          "1\r\na\r\n0\r\nX: " + some + "\r\n\r\n",
          "1\r\na\r\n0\r\nX: " + some.substr(450) + "\r\n" + some.substr(0, 450) + ": a\r\n\r\n"}) {
      auto c = s.connect();
      c.send(chunked + rest);
      CHECK(c.read().result() ==
            (bounded ? http::status::ok : http::status::request_header_fields_too_large));
    }
  }
}

TEST_CASE("a field that is longer than can be kept is answered") {
  http::server_options options;
  options.limits.header_bytes = 1 << 20;
  std::atomic<int> noted = 0;
  options.on_answered = [&](const http::access_record& r) { noted += r.status == 431; };
  std::atomic<int> failures = 0;
  options.log = [&](std::string_view) { ++failures; };
  {
    served s(std::move(options));
    const std::string field = "X: " + std::string(65'536, 'a') + "\r\n\r\n";
    for (const auto& text :
         {"GET /hello HTTP/1.1\r\nHost: h\r\n" + field,
          "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + field}) {
      auto c = s.connect();
      c.send(text);
      CHECK(c.read().result() == http::status::request_header_fields_too_large);
    }
  }
  CHECK(noted == 2);
  CHECK(failures == 0);
}
