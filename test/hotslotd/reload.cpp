// The configuration changes while hotslotd serves.
#include "hotslotd.hpp"

#include "catch.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value_to.hpp>

#include <atomic>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

using namespace hotslot::test;
using boost::beast::http::verb;

namespace {

std::vector<std::string> changes_of(const response& r) {
  REQUIRE(r.result_int() == 200);
  return boost::json::value_to<std::vector<std::string>>(boost::json::parse(r.body()).at("changes"));
}

using lines = std::vector<std::string>;

} // namespace

TEST_CASE("weakness 19: a reload tells what has changed, and keeps the workers that it can", "[e2e]") {
  hotslotd server({echo, slow});
  const auto before = pid_of(server.call("/t/t/echo"));
  CHECK(changes_of(server.admin("/admin/reload", verb::post)).empty());

  server.write_config({with(echo, R"(, "max_workers": 2, "policy": "little")")}, R"(, "max_body_bytes": 10)");
  CHECK(changes_of(server.admin("/admin/reload", verb::post)) ==
        lines{"max_body_bytes has changed, which a restart would put in force", "function t/slow is gone",
              "function t/echo has changed; its workers stay"});
  CHECK(pid_of(server.call("/t/t/echo", "more than ten bytes")) == before);
  const process_watch old(before);
  CHECK(server.call("/t/t/slow").result_int() == 404);

  server.write_config({with(echo, R"(, "config": {"A": "b"})"), slow});
  CHECK(changes_of(server.admin("/admin/reload", verb::post)) ==
        lines{"function t/echo has changed; it gets new workers", "function t/slow is new"});
  CHECK(pid_of(server.call("/t/t/echo")) != before);
  CHECK(server.call("/t/t/slow").result_int() == 200);
  CHECK(old.ended_within(std::chrono::seconds(10)));
}

TEST_CASE("a drain has the grace that is in force, not that of the start", "[e2e]") {
  hotslotd server({echo}, R"(, "drain_grace_s": 300)");
  server.write_config({echo}, R"(, "drain_grace_s": 7)");
  CHECK(changes_of(server.admin("/admin/reload", verb::post)) == lines{"drain_grace_s has changed"});
  CHECK(server.admin("/admin/drain", verb::post).result_int() == 202);
  CHECK(server.wait() == 0);
  CHECK(server.log().find("grace_s=7") != std::string::npos);
}

TEST_CASE("a configuration with a mistake changes nothing", "[e2e]") {
  hotslotd server({echo});
  const auto before = pid_of(server.call("/t/t/echo"));
  server.write_config({with(slow, R"(, "max_workers": 0)")});
  const auto refused = server.admin("/admin/reload", verb::post);
  CHECK(refused.result_int() == 422);
  CHECK(refused.body().find("/functions/0/max_workers") != std::string::npos);
  CHECK(pid_of(server.call("/t/t/echo")) == before);
  server.write_config_text("{");
  CHECK(server.admin("/admin/reload", verb::post).result_int() == 422);
  CHECK(server.admin("/admin/reload").result_int() == 405);
  CHECK(server.call("/t/t/echo").result_int() == 200);
}

TEST_CASE("SIGHUP while it drains is no reason to stay", "[e2e]") {
  for (int round = 0; round < 10; ++round) {
    hotslotd server({echo});
    server.signal(round % 2 == 0 ? SIGHUP : SIGTERM);
    server.signal(round % 2 == 0 ? SIGTERM : SIGHUP);
    server.signal(SIGHUP);
    CHECK(server.wait() == 0);
  }
}

TEST_CASE("SIGHUP reloads", "[e2e]") {
  hotslotd server({echo});
  server.write_config({echo, slow});
  server.signal(SIGHUP);
  eventually([&] { return server.call("/t/t/slow").result_int() == 200; });
  server.write_config_text("nonsense");
  server.signal(SIGHUP);
  eventually([&] { return server.log().find("not reloaded") != std::string::npos; });
  CHECK(server.call("/t/t/slow").result_int() == 200);
}

TEST_CASE("calls that run and wait when their function goes are answered", "[e2e]") {
  hotslotd server({with(slow, R"(, "max_workers": 1)")});
  connection running(server.port());
  running.send(verb::post, "/t/t/slow?ms=2000");
  eventually([&] { return server.stats("slow").at("busy").to_number<int>() == 1; });
  std::vector<std::thread> callers;
  std::atomic<int> answered = 0;
  for (int i = 0; i < 3; ++i)
    callers.emplace_back([&] { answered += server.call("/t/t/slow?ms=1").result_int() == 200; });
  eventually([&] { return server.stats("slow").at("states").at("waiter").to_number<int>() == 3; });
  server.write_config({echo});
  CHECK(changes_of(server.admin("/admin/reload", verb::post)).size() == 2);
  for (auto& c : callers)
    c.join();
  CHECK(answered == 3);
  CHECK(running.receive().result_int() == 200);
  eventually([&] { return server.children().empty(); });
}

TEST_CASE("no call is lost or answered wrongly while the configuration changes all the time", "[e2e]") {
  hotslotd server({echo});
  std::atomic<bool> stop = false;
  std::atomic<int> wrong = 0, right = 0;
  std::vector<std::thread> callers;
  for (int i = 0; i < 16; ++i)
    callers.emplace_back([&, i] {
      connection c(server.port());
      for (int n = 0; !stop; ++n) {
        const std::string body = std::to_string(i) + " " + std::to_string(n);
        const auto r = c.call(verb::post, "/t/t/echo", body);
        const bool is_right = r.result_int() == 200 && r.body() == body;
        (is_right ? right : wrong) += 1;
      }
    });
  for (int n = 0; n < 60; ++n) {
    const std::string variants[] = {R"(, "config": {"N": ")" + std::to_string(n) + R"("})",
                                    R"(, "max_workers": 3)", "",
                                    R"(, "policy": "knative_kpa", "min_idle": 1)"};
    std::vector<fn> functions{with(echo, variants[n % 4])};
    if (n % 3 == 0)
      functions.push_back(slow);
    server.write_config(functions);
    CHECK_FALSE(changes_of(server.admin("/admin/reload", verb::post)).empty());
    const int seen = right;
    eventually([&] { return right > seen + 16; }); // the change meets calls before the next comes
  }
  stop = true;
  for (auto& c : callers)
    c.join();
  CHECK(wrong == 0);
  CHECK(server.log().find("call failed") == std::string::npos);
  CHECK(right > 60 * 16);
  server.signal(SIGTERM);
  CHECK(server.wait() == 0);
  CHECK(server.socket_directories() == 0);
}
