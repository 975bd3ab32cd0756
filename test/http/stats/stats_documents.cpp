// Writes what the stats routes answer into a folder, for checkers that are not ours:  stats-documents FOLDER
#include <hotslot/http/stats_routes.hpp>

#include "samples.hpp"

#include <filesystem>
#include <fstream>
#include <iostream>

using namespace hotslot;
using namespace std::chrono_literals;

namespace {

pool_snapshot traced_pool() {
  pool_snapshot all = test::sample_pool_of_calls();
  all.queues.push_back(test::sample_queue("odd", "a\"b\\c\nd", "\xff\xc3\xa9"));
  all.queues.back().failure = failure_view{.ago = 1s, .message = "\xff", .in_a_row = 2, .retry_in = 1s};
  return all;
}

// As most servers have it.
pool_snapshot pool() {
  pool_snapshot all = traced_pool();
  all.spans.reset();
  return all;
}

std::optional<queue_detail> detail(std::string_view key) {
  queue_detail d;
  d.queue = test::sample_queue(std::string(key), "demo", "echo");
  d.histograms = *test::sample_histograms(key);
  d.policy = "demand";
  d.decisions = {{.ago = 1s, .start = 1, .eject = 0, .reason = "a call waits"}};
  d.workers = {{.id = 1, .state = worker_view::state_type::busy, .age = 1s, .idle_for = 0s, .calls = 2}};
  d.failures = {{.ago = 1s, .message = "no", .in_a_row = 1, .retry_in = 100ms}};
  return d;
}

void write(const std::filesystem::path& to, const http::stats_routes& routes, std::string_view target,
           std::string_view accept = "*/*") {
  http::request req(http::verb::get, boost::beast::string_view(target.data(), target.size()), 11);
  req.set(http::field::accept, boost::beast::string_view(accept.data(), accept.size()));
  std::ofstream(to) << routes.handle(req).body();
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: stats-documents FOLDER\n";
    return 2;
  }
  const std::filesystem::path folder = argv[1];
  const http::stats_routes routes({.pool = pool, .detail = detail, .histograms = test::sample_histograms});
  const http::stats_routes traced({.pool = traced_pool, .histograms = test::sample_histograms});
  const http::stats_routes few({.pool = test::sample_pool_of_calls, .histograms = test::sample_histograms},
                               {.max_metric_keys = 1});
  const http::stats_routes none({.pool = [] { return pool_snapshot(); }});
  write(folder / "pool.json", routes, "/stats");
  write(folder / "top.json", routes, "/stats?top=1");
  write(folder / "waits.json", routes, "/stats?with=waits");
  write(folder / "top.json", few, "/stats?top=1");
  write(folder / "nothing.json", none, "/stats");
  write(folder / "queue.json", routes, "/stats/00ff");
  write(folder / "plain-queue.json", few, "/stats/00ff");
  write(folder / "all.openmetrics", traced, "/metrics", "application/openmetrics-text");
  write(folder / "few.openmetrics", few, "/metrics", "application/openmetrics-text");
  write(folder / "nothing.openmetrics", none, "/metrics", "application/openmetrics-text");
}
