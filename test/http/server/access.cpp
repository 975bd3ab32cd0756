// What a server tells of its answers.
#include "catch.hpp"
#include "served.hpp"

#include <condition_variable>
#include <mutex>
#include <vector>

using namespace hotslot;
using namespace hotslot::http;
using namespace std::chrono_literals;
using test::served;

namespace {

// Each record as "method target version status bytes", and "cut" where it is not complete.
class records {
 public:
  server_options listen(server_limits limits = {}) {
    server_options options;
    options.limits = limits;
    options.on_answered = [this](const access_record& r) { add(r); };
    return options;
  }

  /// The records so far, at least `n`.
  std::vector<std::string> wait(std::size_t n) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, 20s, [&] { return all_.size() >= n; });
    return all_;
  }

  std::string types() {
    const std::lock_guard lock(mutex_);
    return types_;
  }

 private:
  void add(const access_record& r) {
    const std::lock_guard lock(mutex_);
    std::string text(r.method);
    text.append(" ").append(r.target).append(" ").append(std::to_string(r.version)).append(" ");
    text.append(std::to_string(r.status)).append(" ").append(std::to_string(r.body_bytes));
    all_.push_back(text.append(r.complete ? "" : " cut"));
    types_.append(r.fields[field::content_type]).append(";");
    CHECK(r.peer.address().is_loopback());
    CHECK(r.duration >= 0s);
    CHECK(std::chrono::system_clock::now() - r.received < 60s);
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> all_;
  std::string types_;
};

using texts = std::vector<std::string>;

} // namespace

TEST_CASE("each answer is told of once") {
  records r;
  served s(r.listen(), GENERATE(1, 2));
  auto c = s.connect();
  c.get("/hello");
  c.read();
  c.send("HEAD /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  c.read(true);
  c.send("GET /nowhere HTTP/1.1\r\nHost: h\r\n\r\nPUT /no-content HTTP/1.1\r\nHost: h\r\n\r\n");
  c.read();
  c.read();
  c.get("/throw");
  c.read();
  c.get("/pieces");
  c.read();
  c.send("BREW /echo HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc");
  c.read();
  CHECK(r.wait(7) == texts{"GET /hello 11 200 5", "HEAD /hello 11 200 0", "GET /nowhere 11 404 31",
                           "PUT /no-content 11 204 0", "GET /throw 11 500 29", "GET /pieces 11 200 7",
                           "BREW /echo 10 200 3"});
  CHECK(r.types() == "text/plain;text/plain;application/json;;application/json;text/plain;text/plain;");
  c.close();
  s.connect().close(); // who asks nothing is not told of
  s.server().stop();
  s.join();
  CHECK(s.happened.wait("drained"));
  CHECK(r.wait(7).size() == 7);
}

TEST_CASE("what the server refuses is told of") {
  records r;
  server_limits limits;
  limits.header_bytes = 200;
  limits.body_bytes = 10;
  limits.whole_body_bytes = 4;
  limits.body_timeout = 20ms;
  auto options = r.listen(limits);
  options.admit = [](request& head) {
    return head.target() == "/closed" ? std::optional(make_error(status::unauthorized, "no")) : std::nullopt;
  };
  served s(options);
  const auto first_word = [&](const std::string& bytes) {
    const auto before = r.wait(0).size();
    s.connect().call(bytes);
    const auto all = r.wait(before + 1);
    return all.back().substr(0, all.back().rfind(' '));
  };
  CHECK(first_word("\x16\x03\x01") == "  0 400");
  CHECK(first_word("nonsense\r\n\r\n") == "  0 400");
  CHECK(first_word("GET /a HTTP/1.1\r\n\r\n") == "GET /a 11 400");
  CHECK(first_word("GET /a HTTP/1.1\r\nHost: h\r\n folded: x\r\n\r\n") == "GET /a 11 400");
  CHECK(first_word("GET /a HTTP/1.1\r\nX: " + std::string(300, 'x') + "\r\n\r\n") == "GET /a 11 431");
  CHECK(first_word("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n") == "POST /a 11 413");
  CHECK(first_word("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n") == "POST /a 11 408");
  CHECK(first_word("POST /upload/back-not HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n") ==
        "POST /upload/back-not 11 408");
  CHECK(first_word("GET /closed HTTP/1.1\r\nHost: h\r\n\r\n") == "GET /closed 11 401");
}

TEST_CASE("what is broken off is told of, with what had been answered") {
  records r;
  server_limits limits;
  limits.whole_body_bytes = 4;
  served s(r.listen(limits), GENERATE(1, 2));
  const auto break_off = [&](const std::string& bytes, const std::string& happened) {
    const auto before = r.wait(0).size();
    auto c = s.connect();
    c.send(bytes);
    if (!happened.empty())
      s.happened.wait(happened);
    c.reset();
    return r.wait(before + 1).back();
  };
  CHECK(break_off("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n", "/wait") == "GET /wait 11 0 0 cut");
  CHECK(break_off("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n", "") == "POST /a 11 0 0 cut");

  const auto leave = [&](const std::string& target) {
    const auto before = r.wait(0).size();
    auto c = s.connect();
    c.get(target);
    c.socket().wait(test::client::tcp::socket::wait_read);
    c.reset();
    return r.wait(before + 1).back();
  };
  for (const std::string target : {"/big", "/pieces/gate"}) {
    const auto told = leave(target);
    INFO(told);
    CHECK(told.starts_with("GET " + target + " 11 200 "));
    CHECK(told.ends_with(" cut"));
  }
  s.open_gate();
}
