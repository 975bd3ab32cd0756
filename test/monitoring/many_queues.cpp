// 1 200 queues over 40 minutes, of which 1 000 have series of their own: writes /metrics of each minute into
// a folder.
//
//   many-queues FOLDER [forgetful]
//
// They serve, swap places, come and go; three break. "forgetful" has each minute rendered as if it were the
// first.
#include <hotslot/http/stats_metrics.hpp>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

using namespace hotslot;
using namespace std::chrono_literals;

namespace {

constexpr int minutes = 40;
constexpr int queues = 1'200;
constexpr int last = queues; // of those that serve; behind them are the broken ones

named_queue_snapshot named(const std::string& name) {
  named_queue_snapshot q;
  q.key = name;
  q.app = "a";
  q.name = name;
  return q;
}

// Workers have died and starts have failed long ago, the more the higher its number, and the less it is used;
// but from minute 15 on the last 300 are used most.
named_queue_snapshot serving(int n, int minute) {
  named_queue_snapshot q = named("q" + std::to_string(n));
  const int since = std::max(minute - 15, 0);
  const auto rate = static_cast<std::uint64_t>(last - n);
  q.queue.idle = 1;
  q.queue.totals.acquired = 100'000 + rate * 60 * static_cast<std::uint64_t>(minute);
  if (n > last - 300)
    q.queue.totals.acquired += 1'000'000 * static_cast<std::uint64_t>(since);
  q.queue.totals.launched = 5'000;
  q.queue.totals.launch_failed = 4 * static_cast<std::uint64_t>(n);
  q.queue.totals.ejected_gone = 3 * static_cast<std::uint64_t>(n);
  q.queue.totals.timed_out = 2'000;
  q.queue.totals.shed = 2'000;
  return q;
}

// Has never served anybody. After the fifth failure the breaker is open in two minutes of three.
named_queue_snapshot breaking(const std::string& name, int minute, int from, int to) {
  named_queue_snapshot q = named(name);
  const int failing = std::clamp(minute - from, 0, to - from);
  const auto failed = static_cast<std::uint64_t>(failing);
  q.queue.totals.launch_failed = 2 * failed;
  q.queue.totals.failed = 60 * failed;
  if (minute > from && minute < to)
    q.failure = failure_view{.ago = 1s,
                             .message = "no",
                             .in_a_row = static_cast<std::uint32_t>(2 * failed),
                             .breaker_open = failing > 2 && failing % 3 != 0};
  if (minute >= to) {
    q.queue.idle = 1;
    q.queue.totals.launched = 1;
    q.queue.totals.acquired = 60 * static_cast<std::uint64_t>(minute - to);
  }
  return q;
}

// Fifty of the least used are not there every tenth minute, and begin anew then.
bool is_there(int n, int minute) { return n < last - 400 || n >= last - 350 || minute % 10 != 9; }

pool_snapshot pool_at(int minute) {
  pool_snapshot pool;
  for (int n = 0; n < queues; ++n)
    if (is_there(n, minute))
      pool.queues.push_back(serving(n, minute));
  pool.queues.push_back(breaking("broken", minute, 10, 1'000));
  pool.queues.push_back(breaking("recovers", minute, 10, 25));
  pool.queues.push_back(breaking("hiccup", minute, 12, 14));
  return pool;
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: many-queues FOLDER [forgetful]\n";
    return 2;
  }
  const std::filesystem::path folder = argv[1];
  const bool forgetful = argc > 2;
  http::metric_keys lasting(1'000);
  for (int minute = 0; minute < minutes; ++minute) {
    http::metric_keys fresh(1'000);
    std::ofstream(folder / std::to_string(minute))
        << http::render_metrics(pool_at(minute), {}, forgetful ? fresh : lasting, {});
  }
}
