// GET /stats/stream, from one event to many readers.
#include <hotslot/http/stats_server.hpp>

#include "http/stats/stats_query.hpp"
#include "http/stats/stats_stream.hpp"

#include "../content/gunzip.hpp"
#include "../server/client.hpp"
#include "catch.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/json.hpp>

#include <atomic>
#include <future>
#include <optional>
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
  explicit streaming(std::size_t queues = 2, stats_options what = {})
    : what_(std::move(what)) {
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
  asio::io_context::executor_type executor() { return io_.get_executor(); }
  /// Before anybody is connected.
  void on_snapshot(std::function<void()> then) { on_snapshot_ = std::move(then); }
  std::size_t connections() const { return server_.connections(); }
  int snapshots() const { return snapshots_; }
  void begin_drain() { server_.drain(1h); }
  /// `then` is called when all connections have ended.
  void drain(std::function<void()> then) {
    asio::co_spawn(io_, server_.async_drain(1h), [then = std::move(then)](std::exception_ptr) { then(); });
  }

 private:
  static server_options one_thread() {
    server_options options;
    options.single_threaded = true;
    options.limits.write_timeout = 200ms;
    return options;
  }

  asio::io_context io_{1};
  pool_snapshot all_;
  std::atomic<int> snapshots_ = 0;
  std::function<void()> on_snapshot_;
  stats_options what_;
  stats_server server_{io_.get_executor(),
                       {.pool =
                            [this] {
                              ++snapshots_;
                              if (on_snapshot_)
                                on_snapshot_();
                              return all_;
                            }},
                       what_,
                       one_thread()};
  asio::ip::tcp::endpoint endpoint_;
  std::thread thread_;
};

// What one reader of a stream reads: its head, and then its events.
class reader {
 public:
  reader(streaming& s, const std::string& target, bool packed = false)
    : client_(s.connect()) {
    if (packed)
      unpack_.emplace();
    client_.send("GET " + target + " HTTP/1.1\r\nHost: h\r\n" +
                 (packed ? "Accept-Encoding: gzip\r\n\r\n" : "\r\n"));
    parser_.body_limit(boost::none);
    boost::beast::http::read_header(client_.socket(), buffer_, parser_);
  }

  const auto& head() const { return parser_.get(); }

  /// The document of the next event.
  boost::json::object event() {
    std::size_t end = 0;
    while (take(), (end = text_.find("\n\n")) == std::string::npos)
      boost::beast::http::read_some(client_.socket(), buffer_, parser_);
    const std::string text = text_.substr(0, end + 1);
    text_.erase(0, end + 2);
    constexpr std::string_view start = "event: stats\ndata: ";
    REQUIRE(text.starts_with(start));
    return boost::json::parse(text.substr(start.size())).as_object();
  }

  /// So many bytes have come.
  std::size_t size() const { return size_; }

  /// Whether the stream ends as it should.
  bool ends() {
    boost::system::error_code ec;
    boost::beast::http::read(client_.socket(), buffer_, parser_, ec);
    take();
    return !ec && parser_.is_done() && (!unpack_ || unpack_->ended());
  }

 private:
  void take() {
    auto& body = parser_.get().body();
    text_ += unpack_ ? unpack_->add(body) : body;
    size_ += body.size();
    body.clear();
  }

  client client_;
  boost::beast::flat_buffer buffer_;
  boost::beast::http::response_parser<boost::beast::http::string_body> parser_;
  std::optional<test::gunzip> unpack_;
  std::string text_; ///< That is no event yet.
  std::size_t size_ = 0;
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

TEST_CASE("a stream is compressed where that is asked for, and each event can be read at once") {
  streaming s(100);
  reader plain(s, "/stats/stream?interval_ms=100"), packed(s, "/stats/stream?interval_ms=100", true);
  CHECK(plain.head()[field::content_encoding].empty());
  CHECK(plain.head()[field::vary] == "Accept-Encoding");
  CHECK(packed.head()[field::content_encoding] == "gzip");
  for (int n = 0; n < 3; ++n)
    CHECK(packed.event() == plain.event());
  CHECK(packed.size() * 5 < plain.size());
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

TEST_CASE("readers of the same stream share its events, whatever else their queries say") {
  int snapshots = 0;
  stats_events events(std::make_shared<const stats_routes>(stats_source{.pool = [&snapshots] {
    ++snapshots;
    return pool_snapshot();
  }}));
  const auto begin = stats_events::clock::time_point(1h);
  stats_events::reader one(events, "");
  stats_events::reader same(events, "nonsense=1&interval_ms=1000&%20=x");
  const auto first = one.at(begin);
  CHECK(same.at(begin + 999ms) == first);
  CHECK(snapshots == 1);
  CHECK(same.at(begin + 1s) != first);
  CHECK(one.at(begin + 1s) == same.at(begin + 1s));
  CHECK(snapshots == 2);
  stats_events::reader other(events, "top=1");
  stats_events::reader as_other(events, "by=need&x=y&top=01");
  CHECK(other.at(begin + 1s) != first);
  CHECK(as_other.at(begin + 1s) == other.at(begin + 1s));
  CHECK(snapshots == 3);
}

TEST_CASE("there are so many streams, of so many different queries") {
  stats_events events(
      std::make_shared<const stats_routes>(stats_source{.pool = [] { return pool_snapshot(); }},
                                           stats_options{.max_streams = 4, .max_stream_queries = 2}));
  std::optional<stats_events::reader> first(std::in_place, events, "");
  std::optional<stats_events::reader> second(std::in_place, events, "top=1");
  CHECK((*first && *second));
  CHECK_FALSE(stats_events::reader(events, "top=2"));
  CHECK_FALSE(stats_events::reader(events, "interval_ms=100"));
  {
    const stats_events::reader third(events, "top=1"), fourth(events, "");
    CHECK((third && fourth));
    CHECK_FALSE(stats_events::reader(events, ""));
  }
  second.reset();
  CHECK(stats_events::reader(events, "top=2"));
  CHECK_THROWS_AS(stats_events::reader(events, "by=love"), bad_query);
}

TEST_CASE("documents are made where they hold nobody up") {
  asio::thread_pool elsewhere(1);
  streaming s(2, {.max_streams = 1, .renderer = elsewhere.get_executor()});
  std::promise<void> asked, gone;
  std::atomic<bool> once = false;
  std::atomic<int> on_the_server = 0;
  s.on_snapshot([&] {
    on_the_server += s.executor().running_in_this_thread();
    if (!once.exchange(true)) {
      asked.set_value();
      gone.get_future().wait();
    }
  });
  auto c = s.connect();
  c.get("/stats/stream?interval_ms=100");
  asked.get_future().wait();
  auto other = s.connect();
  other.get("/healthz"); // meanwhile
  CHECK(other.read().result() == status::ok);
  other.get("/stats/stream");
  CHECK(other.read().result() == status::service_unavailable);
  c.close(); // in the middle
  gone.set_value();
  {
    auto late = s.connect();
    for (const char* target : {"/stats", "/stats/key1", "/metrics"}) {
      late.get(target);
      CHECK(late.read().result() == status::ok);
    }
  }
  while (s.connections() != 1) // that of the refused one, which it may keep
    std::this_thread::yield();
  reader r(s, "/stats/stream?interval_ms=100");
  r.event();
  r.event();
  CHECK(on_the_server == 0);
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

// 14.30: the drain comes before the stream waits for its next event, or meanwhile.
TEST_CASE("streams end when the server drains") {
  const bool before_the_wait = GENERATE(true, false);
  streaming s;
  std::promise<void> drained;
  s.on_snapshot([&] {
    if (before_the_wait)
      s.begin_drain();
    asio::post(s.executor(), [&] { s.drain([&] { drained.set_value(); }); });
  });
  reader r(s, "/stats/stream?interval_ms=60000", before_the_wait);
  r.event();
  CHECK(r.ends());
  drained.get_future().get();
}
