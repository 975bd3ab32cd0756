// hotslotd as its users meet it: a real server, real processes, real connections.
#include "hotslotd.hpp"

#include "catch.hpp"

#include <hotslot/version.hpp>

#include <boost/json/parse.hpp>

#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>

using namespace hotslot::test;
using namespace std::chrono_literals;
using boost::beast::http::verb;

namespace {

fn misbehaving(const std::string& mode, const std::string& more = {}) {
  return {mode, {TEST_FUNCTION, mode}, more};
}

int number(const boost::json::value& v) { return v.to_number<int>(); }

void wait_until_busy(hotslotd& server) {
  eventually([&] { return number(server.stats("slow").at("busy")) != 0; });
}

void wait_until_draining(const hotslotd& server) {
  eventually([&] { return server.log().find("draining") != std::string::npos; });
}

std::string message_of(const response& r) {
  CHECK(r["Content-Type"] == "application/json");
  return std::string(boost::json::parse(r.body()).at("message").as_string());
}

} // namespace

TEST_CASE("a call is answered, and the next one by the same process", "[e2e]") {
  hotslotd server({echo});
  const auto first = server.call("/t/t/echo", "hi");
  CHECK(first.result_int() == 200);
  CHECK(first.body() == "hi");
  CHECK_FALSE(first["Fn-Call-Id"].empty());
  const auto second = server.call("/t/t/echo", "again", verb::put);
  CHECK(second.body() == "again");
  CHECK(pid_of(first) == pid_of(second));
  CHECK(first["Fn-Call-Id"] != second["Fn-Call-Id"]);

  const auto stats = server.stats("echo");
  CHECK(number(stats.at("idle")) == 1);
  CHECK(number(stats.at("totals").at("acquired")) == 2);
  CHECK(number(stats.at("totals").at("launched")) == 1);
  const std::string id(stats.at("id").as_string());
  const auto by_id = server.call("/invoke/" + id, "by id");
  CHECK(by_id.result_int() == 200);
  CHECK(by_id.body() == "by id");
  CHECK(server.call("/invoke/t/echo", "by name").body() == "by name");
  CHECK(server.log().find(id) != std::string::npos);
}

TEST_CASE("calls at once are served by several processes, never more than max_workers", "[e2e]") {
  hotslotd server({with(slow, R"(, "max_workers": 3, "idle_timeout_s": 1)")});
  std::mutex mutex;
  std::set<pid_t> pids;
  in_parallel(16, [&](int i) {
    const auto r = server.call("/t/t/slow?ms=50", std::to_string(i));
    std::lock_guard lock(mutex);
    CHECK(r.body() == std::to_string(i));
    pids.insert(pid_of(r));
  });
  CHECK(pids.size() > 1);
  CHECK(pids.size() <= 3);
  CHECK(number(server.stats("slow").at("totals").at("launched")) == static_cast<int>(pids.size()));

  // After the idle timeout they are gone, the one that was used last at the end.
  const pid_t last = pid_of(server.call("/t/t/slow?ms=1"));
  const process_watch last_one(last);
  CHECK(last_one.ended_within(10s));
  eventually([&] { return server.children().empty(); });
  server.settle();
  CHECK(number(server.stats("slow").at("idle")) == 0);
}

TEST_CASE("a killed worker costs its own caller 502 at once, and nobody else", "[e2e]") {
  hotslotd server({with(slow, R"(, "max_workers": 2)")});
  connection victim(server.port());
  const pid_t pid = pid_of(victim.call(verb::post, "/t/t/slow?ms=1"));
  victim.send(verb::post, "/t/t/slow?ms=60000");
  wait_until_busy(server);
  connection other(server.port());
  CHECK(pid_of(other.call(verb::post, "/t/t/slow?ms=1")) != pid);
  ::kill(pid, SIGKILL);
  const auto killed = std::chrono::steady_clock::now();
  const auto answer = victim.receive();
  const auto took = std::chrono::steady_clock::now() - killed;
  CHECK(answer.result_int() == 502);
  CHECK_FALSE(message_of(answer).empty());
  WARN("502 after " << std::chrono::duration_cast<std::chrono::microseconds>(took).count() << " us");
  CHECK(other.call(verb::post, "/t/t/slow?ms=1").result_int() == 200);
  CHECK(victim.call(verb::post, "/t/t/slow?ms=1").result_int() == 200);
  server.settle();
}

TEST_CASE("no worker outlives a killed server", "[e2e]") {
  hotslotd server({echo, with(slow, R"(, "max_workers": 4)")});
  std::vector<std::unique_ptr<process_watch>> workers;
  workers.push_back(std::make_unique<process_watch>(pid_of(server.call("/t/t/echo"))));
  std::mutex mutex;
  in_parallel(4, [&](int) {
    const auto r = server.call("/t/t/slow?ms=100");
    std::lock_guard lock(mutex);
    workers.push_back(std::make_unique<process_watch>(pid_of(r)));
  });
  server.signal(SIGKILL);
  for (const auto& w : workers)
    CHECK(w->ended_within(10s));
}

TEST_CASE("every one of many calls at once is answered exactly once", "[e2e]") {
  hotslotd server({with(slow, R"(, "max_workers": 4)")});
  std::atomic<int> answered{0};
  in_parallel(50, [&](int thread) {
    connection c(server.port());
    for (int i = 0; i < 4; ++i) {
      const std::string nonce = std::to_string(thread) + "/" + std::to_string(i);
      const auto r = c.call(verb::post, "/t/t/slow?ms=5", nonce);
      answered += r.result_int() == 200 && r.body() == nonce;
    }
  });
  CHECK(answered == 200);
  server.settle();
  const auto stats = server.stats("slow");
  CHECK(number(stats.at("totals").at("acquired")) == 200);
  CHECK(number(stats.at("idle")) <= 4);
  CHECK(server.children().size() == static_cast<std::size_t>(number(stats.at("idle"))));
}

TEST_CASE("weakness 16: a waiting deadline that passes is 503", "[e2e]") {
  hotslotd server({with(slow, R"(, "max_workers": 1, "wait_timeout_s": 1)")});
  connection busy(server.port());
  busy.call(verb::post, "/t/t/slow?ms=1");
  busy.send(verb::post, "/t/t/slow?ms=4000");
  wait_until_busy(server);
  const auto r = server.call("/t/t/slow?ms=1");
  CHECK(r.result_int() == 503);
  CHECK_FALSE(message_of(r).empty());
  CHECK(busy.receive().result_int() == 200);
  CHECK(number(server.stats("slow").at("totals").at("timed_out")) == 1);
  server.settle();
}

TEST_CASE("weakness 10: a call deadline that passes is 504, and the worker is replaced", "[e2e]") {
  hotslotd server({with(slow, R"(, "max_workers": 1, "timeout_s": 1)")});
  connection c(server.port());
  const pid_t pid = pid_of(c.call(verb::post, "/t/t/slow?ms=1"));
  const process_watch watch(pid);
  const auto late = c.call(verb::post, "/t/t/slow?ms=60000");
  CHECK(late.result_int() == 504);
  CHECK_FALSE(message_of(late).empty());
  CHECK(watch.ended_within(10s));
  const auto next = c.call(verb::post, "/t/t/slow?ms=1", "mine");
  CHECK(next.body() == "mine");
  CHECK(pid_of(next) != pid);
  CHECK(number(server.stats("slow").at("totals").at("ejected_dirty")) == 1);
}

TEST_CASE("a caller that goes away costs no worker", "[e2e]") {
  hotslotd server({with(slow, R"(, "max_workers": 1)")});
  connection leaving(server.port());
  const pid_t pid = pid_of(leaving.call(verb::post, "/t/t/slow?ms=1"));
  leaving.send(verb::post, "/t/t/slow?ms=1000");
  wait_until_busy(server);
  leaving.abandon();
  CHECK(pid_of(server.call("/t/t/slow?ms=1")) == pid);
  server.settle();
}

TEST_CASE("weakness 17: SIGTERM lets running calls finish, and takes no new ones", "[e2e]") {
  hotslotd server({slow});
  connection running(server.port());
  const pid_t pid = pid_of(running.call(verb::post, "/t/t/slow?ms=1"));
  const process_watch worker(pid);
  running.send(verb::post, "/t/t/slow?ms=2000", "last words");
  wait_until_busy(server);
  server.signal(SIGTERM);
  wait_until_draining(server);
  CHECK(server.admin("/readyz").result_int() == 503);
  CHECK(server.admin("/healthz").result_int() == 200);
  CHECK_THROWS(connection(server.port()).call(verb::post, "/t/t/slow?ms=1"));
  const auto r = running.receive();
  CHECK(r.result_int() == 200);
  CHECK(r.body() == "last words");
  CHECK(server.wait() == 0);
  CHECK(worker.ended_within(0s));
  CHECK(server.socket_directories() == 0);
}

TEST_CASE("a second signal cuts at once, and so does the end of the grace", "[e2e]") {
  const bool by_signal = GENERATE(true, false);
  hotslotd server({slow}, by_signal ? R"(, "drain_grace_s": 300)" : R"(, "drain_grace_s": 1)");
  connection running(server.port());
  running.call(verb::post, "/t/t/slow?ms=1");
  running.send(verb::post, "/t/t/slow?ms=60000");
  wait_until_busy(server);
  server.signal(SIGINT);
  wait_until_draining(server);
  if (by_signal)
    server.signal(SIGINT);
  CHECK_THROWS(running.receive());
  CHECK(server.wait() == 0);
  CHECK(server.socket_directories() == 0);
}

TEST_CASE("requests that are none are refused, and the server serves on", "[e2e]") {
  hotslotd server({echo}, R"(, "max_body_bytes": 2000, "max_header_bytes": 2000)");
  CHECK(server.call("/t/t/nothing").result_int() == 404);
  CHECK(server.call("/invoke/nothing").result_int() == 404);
  CHECK(server.call("/").result_int() == 404);
  const auto get = server.call("/invoke/t/echo", "", verb::get);
  CHECK(get.result_int() == 405);
  CHECK(get["Allow"] == "POST");
  connection large(server.port());
  large.send(verb::post, "/t/t/echo", std::string(100'000, 'x'));
  CHECK(large.receive().result_int() == 413);
  CHECK(large.closed());
  connection heads(server.port());
  heads.send_raw("POST /t/t/echo HTTP/1.1\r\nHost: t\r\nX: " + std::string(5000, 'x') + "\r\n\r\n");
  CHECK(heads.receive().result_int() == 431);
  connection noise(server.port());
  noise.send_raw("\x01\x02\x03\r\n\r\n");
  CHECK(noise.receive().result_int() == 400);
  CHECK(server.call("/t/t/echo", "still here").body() == "still here");
  server.settle();
}

TEST_CASE("functions that fail to start: the contract's status, a reason, nothing left", "[e2e]") {
  const std::string quick = R"(, "start_timeout_ms": 300)";
  hotslotd server({echo,
                   {"missing", {"/nowhere/at/all"}},
                   {"not-executable", {"/etc/passwd"}},
                   misbehaving("exit"),
                   misbehaving("never-listen", quick),
                   misbehaving("outside"),
                   misbehaving("regular-file")});
  server.call("/t/t/echo");
  const auto descriptors = server.descriptors();
  const std::pair<const char*, int> cases[] = {{"missing", 502}, {"not-executable", 502},
                                               {"exit", 502},    {"never-listen", 504},
                                               {"outside", 502}, {"regular-file", 502}};
  for (const auto& [name, status] : cases) {
    const auto r = server.call("/t/t/" + std::string(name));
    INFO(name << ": " << r.body());
    CHECK(r.result_int() == static_cast<unsigned>(status));
    CHECK_FALSE(message_of(r).empty());
    CHECK_FALSE(r["Fn-Call-Id"].empty());
    CHECK(server.call("/t/t/echo", "next").body() == "next");
  }
  server.settle();
  CHECK(server.children().size() == 1);
  CHECK(server.socket_directories() == 1);
  eventually([&] { return server.descriptors() <= descriptors; }); // when the connections have closed
  CHECK(server.log().find("/nowhere/at/all") != std::string::npos);
}

TEST_CASE("functions that fail in a call: 502, the worker gone, the next call served", "[e2e]") {
  hotslotd server({misbehaving("garbage"), misbehaving("close-in-body"), misbehaving("exit-in-call"),
                   misbehaving("close-at-once"), misbehaving("huge-header"),
                   misbehaving("never-answer", R"(, "timeout_s": 1)")});
  for (const char* name : {"garbage", "close-in-body", "exit-in-call", "close-at-once", "huge-header"})
    for (int i = 0; i < 2; ++i) {
      const auto r = server.call("/t/t/" + std::string(name));
      INFO(name << ": " << r.body());
      CHECK(r.result_int() == 502);
      CHECK_FALSE(message_of(r).empty());
      CHECK(number(server.stats(name).at("idle")) == 0);
    }
  CHECK(server.call("/t/t/never-answer").result_int() == 504);
  server.settle();
  eventually([&] { return server.children().empty(); });
}

TEST_CASE("a failed start is not tried again at once", "[e2e]") {
  hotslotd server({misbehaving("exit")});
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 4; ++i)
    CHECK(server.call("/t/t/exit").result_int() == 502);
  // Three times backed off: 100, 200 and 400 ms at the least.
  CHECK(std::chrono::steady_clock::now() - began >= 700ms);
  CHECK(number(server.stats("exit").at("totals").at("launch_failed")) == 4);
}

TEST_CASE("a function that can never be had is 400", "[e2e]") {
  hotslotd server({with(echo, "")}, R"(, "resources": {"memory_mb": 8, "cpu_milli": "auto"})");
  const auto r = server.call("/t/t/echo");
  CHECK(r.result_int() == 400);
  CHECK_FALSE(message_of(r).empty());
}

TEST_CASE("the budget bounds the workers of all functions", "[e2e]") {
  hotslotd server({with(slow, R"(, "max_workers": 8)")},
                  R"(, "resources": {"memory_mb": 40, "cpu_milli": "auto"})");
  std::mutex mutex;
  std::set<pid_t> pids;
  in_parallel(8, [&](int) {
    const auto r = server.call("/t/t/slow?ms=20");
    std::lock_guard lock(mutex);
    pids.insert(pid_of(r));
  });
  CHECK(pids.size() <= 2);
}

TEST_CASE("the function's environment is its own", "[e2e]") {
  hotslotd server({misbehaving("about", R"(, "config": {"GREETING": "hello"})")});
  const auto r = server.call("/t/t/about");
  CHECK(r.body().find("GREETING=hello") != std::string::npos);
  CHECK(r.body().find("FN_FN_NAME=about") != std::string::npos);
  CHECK(r.body().find("SECRET") == std::string::npos);
}

TEST_CASE("a function's output goes to the log, line by line", "[e2e]") {
  hotslotd server({misbehaving("lines")});
  server.call("/t/t/lines");
  server.signal(SIGTERM);
  CHECK(server.wait() == 0);
  CHECK(server.log().find("stream=stderr") != std::string::npos);
  CHECK(server.log().find("fn=lines") != std::string::npos);
}

TEST_CASE("the admin address", "[e2e]") {
  hotslotd server({echo});
  server.call("/t/t/echo");
  CHECK(server.admin("/healthz").result_int() == 200);
  CHECK(server.admin("/readyz").result_int() == 200);
  CHECK(server.admin("/version").body().find(HOTSLOT_VERSION) != std::string::npos);
  CHECK(server.admin("/nothing").result_int() == 404);
  const auto metrics = server.admin("/metrics");
  CHECK(std::string(metrics["Content-Type"]).starts_with("text/plain"));
  if (!std::string(PROMTOOL).empty()) {
    temporary_directory directory;
    std::ofstream(directory.path() / "metrics") << metrics.body();
    const std::string command =
        std::string(PROMTOOL) + " check metrics < " + (directory.path() / "metrics").string() + " 2>&1";
    CHECK(std::system(command.c_str()) == 0);
  }
}

TEST_CASE("the real Node FDK", "[e2e][node]") {
  const std::string dir = HELLO_DIRECTORY;
  if (std::string(NODE).empty() || !std::filesystem::exists(dir + "/node_modules/@fnproject/fdk")) {
    WARN("skipped: no node, or npm ci was not run in " << dir);
    return;
  }
  hotslotd server({{"hello", {NODE, "func.js"}, R"(, "start_timeout_ms": 20000)", dir}});
  const auto first = server.call("/t/t/hello", R"({"name": "you"})");
  INFO(first.body());
  CHECK(first.result_int() == 200);
  CHECK(first.body().find("Hello you") != std::string::npos);
  const auto second = server.call("/t/t/hello", R"({"name": "me"})");
  CHECK(second.body().find("Hello me") != std::string::npos);
  CHECK(pid_of(first) == pid_of(second));
  const auto invoked = server.call("/invoke/t/hello", R"({"name": "all"})");
  CHECK(invoked.result_int() == 200);
  CHECK(invoked.body().find("Hello all") != std::string::npos);
  CHECK(number(server.stats("hello").at("totals").at("launched")) == 1);
}

TEST_CASE("bad command lines and configurations end with code 2 and say why", "[e2e]") {
  temporary_directory directory;
  const auto config = (directory.path() / "c.json").string();
  auto write = [&](const std::string& text) { std::ofstream(config) << text; };

  auto e = hotslotd::run({"--config", "/no/such/file"});
  CHECK(e.code == 2);
  CHECK(e.err.find("/no/such/file") != std::string::npos);
  e = hotslotd::run({"--config", config, "--nonsense"});
  CHECK(e.code == 2);
  CHECK(e.err.find("--nonsense") != std::string::npos);
  write(R"({"functions": [{"app": "a", "name": "b", "command": ["x"], "memory_mb": "much"}]})");
  e = hotslotd::run({"--config", config});
  CHECK(e.code == 2);
  CHECK(e.err.find("/functions/0/memory_mb") != std::string::npos);
  CHECK(e.err.find(config) != std::string::npos);
  write(R"({"functions": [{"app": "a", "name": "b", "command": ["x"]}]})");
  e = hotslotd::run({"--config", config, "--check-config"});
  CHECK(e.code == 0);
  hotslotd server({echo});
  e = hotslotd::run({"--config", config, "--listen", "127.0.0.1:" + std::to_string(server.port())});
  CHECK(e.code == 2);
  CHECK(e.err.find(std::to_string(server.port())) != std::string::npos);
  e = hotslotd::run({"--version"});
  CHECK(e.code == 0);
  CHECK(e.out.find(HOTSLOT_VERSION) != std::string::npos);
  write(R"({"socket_dir": ")" + std::string(120, 'd') + R"(", "functions": []})");
  e = hotslotd::run({"--config", config, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"});
  CHECK(e.code == 2);
}
