// How many workers hotslotd keeps, and what it does with idle ones.
#include "hotslotd.hpp"

#include "catch.hpp"

#include <boost/json/parse.hpp>

#include <csignal>
#include <fstream>
#include <string>

using namespace hotslot::test;

namespace {

// As the kernel has it: R, S, T for stopped, …
char state_of(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(in, text);
  return text.at(text.rfind(')') + 2);
}

int count(hotslotd& server, const std::string& function, const std::string& what) {
  return server.stats(function).at(what).to_number<int>();
}

} // namespace

TEST_CASE("a minimum of idle workers is there before the first call", "[e2e]") {
  hotslotd server({with(echo, R"(, "min_idle": 2)")});
  eventually([&] { return count(server, "echo", "idle") == 2; });
  CHECK(server.call("/t/t/echo").result_int() == 200);
}

TEST_CASE("idle workers are stopped, and go on for their call", "[e2e]") {
  hotslotd server({with(echo, R"(, "pause_after_ms": 20)")});
  const auto pid = pid_of(server.call("/t/t/echo"));
  for (int i = 0; i < 3; ++i) {
    eventually([&] { return state_of(pid) == 'T'; });
    const auto r = server.call("/t/t/echo", "still there");
    CHECK(r.body() == "still there");
    CHECK(pid_of(r) == pid);
  }
  eventually([&] { return state_of(pid) == 'T'; });
  server.signal(SIGTERM);
  CHECK(server.wait() == 0);
  CHECK(server.socket_directories() == 0);
}

TEST_CASE("weakness 13: an idle worker of one function makes room for another's call", "[e2e]") {
  hotslotd server({{"one", {ECHO_FUNCTION}}, {"two", {ECHO_FUNCTION}}},
                  R"(, "resources": {"memory_mb": 16})"); // as one takes
  const auto first = pid_of(server.call("/t/t/one"));
  const process_watch watch(first);
  const auto r = server.call("/t/t/two", "room");
  CHECK(r.result_int() == 200);
  CHECK(r.body() == "room");
  CHECK(watch.ended_within(std::chrono::seconds(10)));
  CHECK(server.stats("one").at("totals").at("ejected_evicted").to_number<int>() == 1);
}

TEST_CASE("a function that never starts is refused at once after a while, with the cause and its age",
          "[e2e]") {
  hotslotd server({{"bad",
                    {TEST_FUNCTION, "exit"},
                    R"(, "starts": {"breaker_failures": 1, "backoff_ms": 60000, "max_backoff_ms": 60000})"}});
  const auto first = server.call("/t/t/bad");
  CHECK(first.result_int() == 502);
  const auto second = server.call("/t/t/bad");
  CHECK(second.result_int() == 502);
  CHECK(server.stats("bad").at("totals").at("launch_failed").to_number<int>() == 1);
  const auto detail = boost::json::parse(
      server.admin("/stats/" + std::string(server.stats("bad").at("key").as_string())).body());
  CHECK_FALSE(detail.at("failures").as_array().empty());
  CHECK_FALSE(detail.at("decisions").as_array().empty());
}

TEST_CASE("weakness 15: a worker is free before its answer has been written", "[e2e]") {
  hotslotd server({with(echo, R"(, "max_workers": 1, "reply_buffer_bytes": 10000000)")});
  const std::string large(9'000'000, 'x');
  connection reluctant(server.port());
  reluctant.send(boost::beast::http::verb::post, "/t/t/echo", large);
  eventually([&] { return server.stats("echo").at("totals").at("acquired").to_number<int>() == 1; });
  CHECK(server.call("/t/t/echo", "small").body() == "small");
  CHECK(reluctant.receive().body() == large);
}

TEST_CASE("workers end after their number of calls", "[e2e]") {
  hotslotd server({with(echo, R"(, "max_calls": 2)")});
  const auto first = pid_of(server.call("/t/t/echo"));
  CHECK(pid_of(server.call("/t/t/echo")) == first);
  CHECK(pid_of(server.call("/t/t/echo")) != first);
}
