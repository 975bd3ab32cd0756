// GET /stats/stream, from one event to many readers.
#include <hotslot/http/stats_server.hpp>

#include "../server/client.hpp"
#include "catch.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/json.hpp>

#include <atomic>
#include <future>
#include <thread>

using namespace hotslot;
using namespace hotslot::http;
using namespace std::chrono_literals;
namespace asio = boost::asio;
using test::client;

namespace {

named_queue_snapshot queue(std::string key) {
  return {.key = std::move(key), .app = "a", .name = "f", .trigger = "/f", .id = "", .queue = {}};
}

request get(std::string target, verb method = verb::get) {
  request req(method, target, 11);
  req.set(field::host, "h");
  return req;
}

// A stats server on a thread of its own, which counts how often it is asked for a snapshot.
class streaming {
 public:
  explicit streaming(std::size_t queues = 2) {
    for (std::size_t n = 0; n < queues; ++n)
      all_.queues.push_back(queue("key" + std::to_string(n)));
    endpoint_ = server_.listen({asio::ip::address_v4::loopback(), 0});
    server_.start();
    thread_ = std::thread([this] { io_.run(); });
  }
  ~streaming() {
    server_.stop();
    thread_.join();
  }

  client connect(int receive_buffer = 0) { return client(endpoint_, receive_buffer); }
  std::size_t connections() const { return server_.connections(); }
  int snapshots() const { return snapshots_; }
  /// Completes when all connections have ended.
  std::future<void> drain(std::chrono::seconds grace) {
    return asio::co_spawn(io_, server_.async_drain(grace), asio::use_future);
  }

 private:
  static server_options one_thread() {
    server_options options;
    options.single_threaded = true;
    return options;
  }

  asio::io_context io_{1};
  pool_snapshot all_;
  std::atomic<int> snapshots_ = 0;
  stats_server server_{io_.get_executor(),
                       {.pool =
                            [this] {
                              ++snapshots_;
                              return all_;
                            }},
                       {},
                       one_thread()};
  asio::ip::tcp::endpoint endpoint_;
  std::thread thread_;
};

// What one reader of a stream reads: its head, and then its events.
class reader {
 public:
  reader(streaming& s, const std::string& target)
    : client_(s.connect()) {
    client_.get(target);
    parser_.body_limit(boost::none);
    boost::beast::http::read_header(client_.socket(), buffer_, parser_);
  }

  const auto& head() const { return parser_.get(); }

  /// The document of the next event.
  boost::json::object event() {
    std::size_t end = 0;
    while ((end = parser_.get().body().find("\n\n")) == std::string::npos)
      boost::beast::http::read_some(client_.socket(), buffer_, parser_);
    std::string text = parser_.get().body().substr(0, end + 1);
    parser_.get().body().erase(0, end + 2);
    constexpr std::string_view start = "event: stats\ndata: ";
    REQUIRE(text.starts_with(start));
    return boost::json::parse(text.substr(start.size())).as_object();
  }

  /// Whether the stream ends as it should.
  bool ends() {
    boost::system::error_code ec;
    boost::beast::http::read(client_.socket(), buffer_, parser_, ec);
    return !ec && parser_.is_done();
  }

 private:
  client client_;
  boost::beast::flat_buffer buffer_;
  boost::beast::http::response_parser<boost::beast::http::string_body> parser_;
};

} // namespace

TEST_CASE("without a server of ours, the stream is one event at a time") {
  const stats_routes routes({.pool = [] {
    pool_snapshot all;
    all.queues.push_back(queue("k"));
    return all;
  }});
  CHECK(routes.is_stream(get("/stats/stream?top=1")));
  CHECK_FALSE(routes.is_stream(get("/stats/streams")));
  CHECK_FALSE(routes.is_stream(get("/stats/stream", verb::post)));
  const auto res = routes.handle(get("/stats/stream?interval_ms=2000"));
  CHECK(res.result() == status::ok);
  CHECK(res[field::content_type] == "text/event-stream");
  CHECK(res[field::cache_control] == "no-store");
  CHECK(res.body() == "retry: 2000\nevent: stats\ndata: " + routes.handle(get("/stats")).body() + "\n");
  CHECK(routes.handle(get("/stats/stream?interval_ms=5")).result() == status::bad_request);
  CHECK(routes.handle(get("/stats/stream", verb::post)).result() == status::method_not_allowed);
}

TEST_CASE("the stream is what /stats says, again and again") {
  streaming s;
  reader r(s, "/stats/stream?interval_ms=100&key=key1");
  CHECK(r.head().result() == status::ok);
  CHECK(r.head()[field::content_type] == "text/event-stream");
  CHECK(r.head()[field::cache_control] == "no-store");
  for (int n = 0; n < 3; ++n) {
    const auto event = r.event();
    REQUIRE(event.at("queues").as_array().size() == 1);
    CHECK(event.at("queues").at(0).at("key") == "key1");
  }
}

TEST_CASE("what a stream cannot be asked for is refused before it begins") {
  streaming s;
  for (const char* query : {"interval_ms=99", "interval_ms=x", "top=0", "by=nothing"}) {
    INFO(query);
    auto c = s.connect();
    c.get(std::string("/stats/stream?") + query);
    CHECK(c.read().result() == status::bad_request);
  }
  auto c = s.connect();
  c.send("HEAD /stats/stream HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(c.read(true)[field::content_type] == "text/event-stream");
  c.get("/healthz");
  CHECK(c.read().result() == status::ok);
}

TEST_CASE("readers of the same stream share its events") {
  streaming s;
  constexpr int readers = 20;
  constexpr int events = 3;
  std::vector<std::unique_ptr<reader>> all;
  for (int n = 0; n < readers; ++n)
    all.push_back(std::make_unique<reader>(s, "/stats/stream?interval_ms=1000"));
  for (int n = 0; n < events; ++n)
    for (auto& r : all)
      r->event();
  CHECK(s.snapshots() < readers);
}

TEST_CASE("a reader that does not read is dropped, and the others go on") {
  streaming s(20'000); // an event of megabytes, which no kernel buffer takes
  auto idle = s.connect(4096);
  idle.get("/stats/stream?interval_ms=100");
  while (s.snapshots() == 0)
    std::this_thread::yield();
  reader r(s, "/stats/stream?interval_ms=100&top=1");
  while (s.connections() == 2)
    r.event();
  CHECK(s.connections() == 1);
  r.event();
}

TEST_CASE("streams end when the server drains") {
  streaming s;
  reader r(s, "/stats/stream?interval_ms=60000");
  r.event();
  auto drained = s.drain(1h);
  CHECK(r.ends());
  drained.get();
}
