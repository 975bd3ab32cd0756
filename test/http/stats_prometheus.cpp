#include <hotslot/http/stats_prometheus.hpp>

#include "catch.hpp"
#include "samples.hpp"

#include <cstdio>
#include <set>
#include <sstream>

using namespace hotslot;
using namespace hotslot::http;

namespace {

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

pool_snapshot odd_names() {
  return {{test::sample_queue("00", "a\"b\\c\nd", "\xff\xc3\xa9"), test::sample_queue("01", "", "")}};
}

} // namespace

TEST_CASE("metrics have help, type, labels and base units") {
  const std::string text = render_prometheus(test::sample_pool(), "1.2.3");
  CHECK(has_line(text, "hotslot_build_info{version=\"1.2.3\"} 1"));
  CHECK(has_line(text, "hotslot_queues 2"));
  CHECK(has_line(text, "# TYPE hotslot_queue_waiters gauge"));
  CHECK(has_line(text, R"(hotslot_queue_waiters{app="demo",fn="echo",key="00ff"} 3)"));
  CHECK(has_line(text, R"(hotslot_queue_starters{app="demo",fn="echo",key="00ff"} 2)"));
  CHECK(has_line(text, R"(hotslot_queue_runners{app="demo",fn="slow",key="a1b2"} 1)"));
  CHECK(has_line(text, R"(hotslot_queue_idle_workers{app="demo",fn="echo",key="00ff"} 4)"));
  CHECK(has_line(text, R"(hotslot_queue_busy_workers{app="demo",fn="echo",key="00ff"} 5)"));
  CHECK(has_line(text,
                 R"(hotslot_queue_latency_seconds{app="demo",fn="echo",key="00ff",state="runner"} 0.0015)"));
  CHECK(has_line(text, "# TYPE hotslot_slots_acquired_total counter"));
  CHECK(has_line(text, R"(hotslot_slots_acquired_total{app="demo",fn="echo",key="00ff"} 10)"));
  CHECK(has_line(text, R"(hotslot_calls_unserved_total{app="demo",fn="echo",key="00ff",reason="shed"} 13)"));
  CHECK(has_line(text, R"(hotslot_slots_ejected_total{app="demo",fn="echo",key="00ff",reason="closed"} 21)"));
}

TEST_CASE("label values are escaped in metrics") {
  const std::string text = render_prometheus(odd_names(), "1");
  CHECK(has_line(text,
                 "hotslot_queue_waiters{app=\"a\\\"b\\\\c\\nd\",fn=\"\xef\xbf\xbd\xc3\xa9\",key=\"00\"} 3"));
}

TEST_CASE("every family is declared once, ahead of its series") {
  std::istringstream lines(render_prometheus(test::sample_pool(), "1"));
  std::set<std::string> declared, series;
  std::string current;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# HELP "))
      continue;
    if (line.starts_with("# TYPE ")) {
      current = line.substr(7, line.find(' ', 7) - 7);
      CHECK(declared.insert(current).second);
    } else {
      CHECK(line.substr(0, line.find_first_of("{ ")) == current);
      CHECK(series.insert(line.substr(0, line.rfind(' '))).second);
    }
  }
  CHECK(declared.size() == 14);
}

TEST_CASE("promtool accepts the metrics, lints included") {
  if (std::string_view(HOTSLOT_TEST_PROMTOOL).empty()) {
    WARN("promtool is not installed");
    return;
  }
  for (const auto& pool : {test::sample_pool(), odd_names(), pool_snapshot{}}) {
    std::FILE* promtool = popen(HOTSLOT_TEST_PROMTOOL " check metrics", "w");
    REQUIRE(promtool);
    std::fputs(render_prometheus(pool, "1.2.3").c_str(), promtool);
    CHECK(pclose(promtool) == 0);
  }
}
