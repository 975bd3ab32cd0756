#include <hotslot/http/stats_metrics.hpp>

#include "catch.hpp"
#include "samples.hpp"

#include <cstdio>
#include <set>
#include <sstream>

using namespace hotslot;
using namespace hotslot::http;
using namespace std::chrono_literals;

namespace {

using histograms_source = decltype(stats_source::histograms);

// As the first time.
std::string render(pool_snapshot pool, const histograms_source& histograms, const metrics_options& options,
                   std::size_t most = 1000) {
  metric_keys keys(most);
  return render_metrics(std::move(pool), histograms, keys, options);
}

std::string render_plain(pool_snapshot pool, std::string_view version) {
  return render(std::move(pool), {}, {.version = version});
}

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

pool_snapshot odd_names() {
  return {{test::sample_queue("00", "a\"b\\c\nd", "\xff\xc3\xa9"), test::sample_queue("01", "", "")}};
}

} // namespace

TEST_CASE("metrics have help, type, labels and base units") {
  const std::string text = render_plain(test::sample_pool(), "1.2.3");
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

TEST_CASE("a program's own counters stand behind the queues'") {
  const std::vector<metric_family> more{
      {.name = "own_lost_lines", .help = "Lost.", .samples = {{{{"to", "a\"b"}, {"x", "y"}}, 3u}, {{}, 4u}}},
      {.name = "own_time_seconds", .help = "Now.", .samples = {{{}, 1500ms}}, .kind = metric_kind::gauge},
      {.name = "own_nothing", .help = "Nothing."}};
  const std::string text = render(test::sample_pool(), {}, {.version = "1", .more = more});
  CHECK(text.ends_with("# HELP own_lost_lines_total Lost.\n# TYPE own_lost_lines_total counter\n"
                       "own_lost_lines_total{to=\"a\\\"b\",x=\"y\"} 3\nown_lost_lines_total 4\n"
                       "# HELP own_time_seconds Now.\n# TYPE own_time_seconds gauge\nown_time_seconds 1.5\n"
                       "# HELP own_nothing_total Nothing.\n# TYPE own_nothing_total counter\n"));
}

TEST_CASE("label values are escaped in metrics") {
  const std::string text = render_plain(odd_names(), "1");
  CHECK(has_line(text,
                 "hotslot_queue_waiters{app=\"a\\\"b\\\\c\\nd\",fn=\"\xef\xbf\xbd\xc3\xa9\",key=\"00\"} 3"));
}

TEST_CASE("every family is declared once, ahead of its series") {
  std::istringstream lines(render_plain(test::sample_pool(), "1"));
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
  CHECK(declared.size() == 21);
}

TEST_CASE("metrics of calls and spans are there where something has them") {
  const std::string none = render_plain(test::sample_pool(), "1");
  CHECK(none.find("hotslot_detached") == std::string::npos);
  CHECK(none.find("rate_limited") == std::string::npos);
  CHECK(none.find("spans") == std::string::npos);
  const std::string text = render_plain(test::sample_pool_of_calls(), "1");
  CHECK(has_line(text, R"(hotslot_detached_pending{app="demo",fn="echo",key="00ff",state="waiting"} 1)"));
  CHECK(has_line(text, R"(hotslot_detached_pending{app="demo",fn="echo",key="00ff",state="running"} 2)"));
  CHECK(has_line(text, "# TYPE hotslot_detached_calls_total counter"));
  CHECK(has_line(text, R"(hotslot_detached_calls_total{app="demo",fn="echo",key="00ff",outcome="lost"} 6)"));
  CHECK(has_line(text, R"(hotslot_calls_rate_limited_total{app="demo",fn="slow",key="a1b2"} 7)"));
  CHECK(text.find(R"(hotslot_calls_rate_limited_total{app="demo",fn="echo")") == std::string::npos);
  CHECK(has_line(text, "hotslot_spans_dropped_total 3"));
  const std::string few = render(test::sample_pool_of_calls(), {}, {.version = "1"}, 1);
  CHECK(has_line(few, R"(hotslot_detached_pending{app="other",fn="other",key="other",state="waiting"} 1)"));
  CHECK(has_line(few, R"(hotslot_calls_rate_limited_total{app="other",fn="other",key="other"} 7)"));
}

TEST_CASE("histograms are cumulative and end with all") {
  const std::string text = render(test::sample_pool(), test::sample_histograms, {});
  const auto line = [](std::string_view le, int n) {
    return "hotslot_wait_seconds_bucket{app=\"demo\",fn=\"echo\",key=\"00ff\",cause=\"start\",le=\"" +
           std::string(le) + "\"} " + std::to_string(n);
  };
  CHECK(has_line(text, "# TYPE hotslot_wait_seconds histogram"));
  CHECK(has_line(text, line("0.001", 1)));
  CHECK(has_line(text, line("0.0025", 2)));
  CHECK(has_line(text, line("60.0", 3)));
  CHECK(has_line(text, line("+Inf", 4)));
  const std::string labels = R"({app="demo",fn="echo",key="00ff",cause="start"} )";
  CHECK(has_line(text, "hotslot_wait_seconds_sum" + labels + "102.0023"));
  CHECK(has_line(text, "hotslot_wait_seconds_count" + labels + "4"));
  CHECK(text.find("cause=\"call\"") == std::string::npos);
  CHECK(has_line(text, R"(hotslot_acquired_immediately_total{app="demo",fn="echo",key="00ff"} 5)"));
}

TEST_CASE("the queues beyond the limit are summed") {
  pool_snapshot pool = test::sample_pool();
  for (int i = 0; i < 3; ++i)
    pool.queues.push_back(test::sample_queue("k" + std::to_string(i), "demo", "more"));
  pool.queues[3].queue.totals.acquired = 100;
  const std::string text = render(pool, test::sample_histograms, {}, 1);
  CHECK(has_line(text, "hotslot_queues 5"));
  CHECK(has_line(text, R"(hotslot_slots_acquired_total{app="demo",fn="more",key="k1"} 100)"));
  CHECK(has_line(text, R"(hotslot_slots_acquired_total{app="other",fn="other",key="other"} 40)"));
  CHECK(has_line(text, R"(hotslot_wait_seconds_count{app="other",fn="other",key="other",cause="start"} 16)"));
  CHECK(text.find("key=\"00ff\"") == std::string::npos);
  CHECK(text.find("hotslot_queue_latency_seconds{app=\"other\"") == std::string::npos);
  const std::string none = render(pool, test::sample_histograms, {}, 0);
  CHECK(has_line(none, R"(hotslot_acquired_immediately_total{app="other",fn="other",key="other"} 25)"));
}

TEST_CASE("failed starts and breakers have gauges") {
  pool_snapshot pool = test::sample_pool();
  for (int i = 0; i < 3; ++i)
    pool.queues.push_back(test::sample_queue("k" + std::to_string(i), "demo", "more"));
  for (std::size_t i = 1; i < 5; ++i)
    pool.queues[i].failure = failure_view{
        .ago = {}, .message = "no", .in_a_row = static_cast<std::uint32_t>(i), .breaker_open = i > 1};
  const std::string text = render(pool, {}, {}, 2);
  CHECK(has_line(text, R"(hotslot_queue_breaker_open{app="demo",fn="slow",key="a1b2"} 0)"));
  CHECK(has_line(text, R"(hotslot_queue_start_failures_in_a_row{app="demo",fn="slow",key="a1b2"} 1)"));
  CHECK(has_line(text, R"(hotslot_queue_breaker_open{app="demo",fn="more",key="k0"} 1)"));
  CHECK(has_line(text, R"(hotslot_queue_breaker_open{app="other",fn="other",key="other"} 2)"));
  CHECK(has_line(text, R"(hotslot_queue_start_failures_in_a_row{app="other",fn="other",key="other"} 4)"));
  const std::string all = render(pool, {}, {});
  CHECK(has_line(all, R"(hotslot_queue_breaker_open{app="demo",fn="echo",key="00ff"} 0)"));
  CHECK(has_line(all, R"(hotslot_queue_start_failures_in_a_row{app="demo",fn="echo",key="00ff"} 0)"));
}

TEST_CASE("OpenMetrics has units, names counters without their suffix, and ends") {
  const std::string text =
      render(test::sample_pool(), test::sample_histograms, {.format = metrics_format::openmetrics});
  CHECK(has_line(text, "# TYPE hotslot_slots_acquired counter"));
  CHECK(has_line(text, "# UNIT hotslot_wait_seconds seconds"));
  CHECK(has_line(text, R"(hotslot_slots_acquired_total{app="demo",fn="echo",key="00ff"} 10)"));
  CHECK(text.ends_with("\n# EOF\n"));
}

TEST_CASE("promtool accepts the metrics, lints included") {
  if (std::string_view(HOTSLOT_TEST_PROMTOOL).empty()) {
    WARN("promtool is not installed");
    return;
  }
  for (const auto& pool : {test::sample_pool(), odd_names(), pool_snapshot{}}) {
    std::FILE* promtool = popen(HOTSLOT_TEST_PROMTOOL " check metrics", "w");
    REQUIRE(promtool);
    std::fputs(render(pool, test::sample_histograms, {.version = "1.2.3"}).c_str(), promtool);
    CHECK(pclose(promtool) == 0);
  }
}
