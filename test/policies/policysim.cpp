// Drives every scaling policy with every trace, and says what came of it.
//
//     hotslot-policysim                  check, and print the table
//     hotslot-policysim --compare FILE   the same, and check that FILE has the table
//     hotslot-policysim --markdown FILE  put the table into FILE, between the lines that mark its place

#include "pool_model.hpp"
#include "trace.hpp"

#include <hotslot/policies/policies.hpp>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>

namespace {

using namespace std::chrono_literals;
using policysim::outcome;
using policysim::pool_model;
using policysim::time;
using policysim::trace;

unsigned wrong = 0;

void expect(bool ok, const std::string& what) {
  if (ok)
    return;
  ++wrong;
  std::cerr << "wrong: " << what << '\n';
}

/// Policies that end workers themselves are left to do it: what ends sooner, they start again.
time idle_timeout(std::string_view policy) {
  return policy == "demand" || policy.starts_with("fn_") ? time(30s) : time(10min);
}

outcome run(std::string_view policy, const trace& t) {
  outcome o = pool_model(t, hotslot::make_policy(policy), idle_timeout(policy)).run();
  for (const auto& fault : o.faults)
    expect(false, std::string(policy) + ", " + t.name + ": " + fault);
  return o;
}

/// Start, and the calls shared among the workers, and a tenth.
bool in_time(const outcome& o, time begun, std::size_t calls) {
  const auto share = 20ms * static_cast<std::int64_t>(calls) / static_cast<std::int64_t>(o.workers);
  return (o.last_done - begun) * 10 <= (500ms + share) * 11;
}

/// `demand`, but each start is checked to have somebody who waits for it.
hotslot::scaling_policy watched_demand(unsigned& idle_starts) {
  return [&idle_starts, demand = hotslot::demand](const hotslot::scaling_input& in) mutable {
    const auto d = demand(in);
    idle_starts += d.start != 0 && d.start + in.queue.idle + in.starting() > in.waiting();
    return d;
  };
}

void check_demand() {
  for (std::size_t n = 0; n <= 200; ++n) {
    unsigned idle_starts = 0;
    const auto cold = pool_model(policysim::burst(n), watched_demand(idle_starts)).run();
    expect(cold.cold_starts <= n, "demand starts more than wait, burst of " + std::to_string(n));
    expect(n == 0 || in_time(cold, 0s, n), "demand is late, burst of " + std::to_string(n));
    const auto warm = pool_model(policysim::warm_burst(n), watched_demand(idle_starts)).run();
    expect(warm.cold_starts <= std::max<std::size_t>(n, 4),
           "demand starts too many, warm burst of " + std::to_string(n));
    expect(n == 0 || in_time(warm, 5s, n), "demand is late, warm burst of " + std::to_string(n));
    expect(idle_starts == 0, "demand starts for nobody, burst of " + std::to_string(n));
    expect(cold.faults.empty() && warm.faults.empty(), "demand, burst of " + std::to_string(n));
  }
  // The averages after four starts and eight runs, of which the first does not count, are 437.5 and 19.84 ms.
  // So 4 workers serve 4 calls at once and 88 more within a start: only the rest is worth one.
  expect(run("demand", policysim::warm_burst(92)).cold_starts == 4,
         "demand starts where busy workers suffice");
  expect(run("demand", policysim::warm_burst(93)).cold_starts == 5,
         "demand does not start where they do not");
  expect(run("demand", policysim::long_calls()).waits.back() <= 1s, "demand waits for long calls");
}

/// The model's own checks, for bursts of every size.
void check_bursts() {
  for (const auto policy : hotslot::policy_names())
    for (std::size_t n = 0; n <= 200; ++n)
      run(policy, policysim::burst(n));
}

std::string row(std::string_view policy, const trace& t) {
  const outcome o = run(policy, t);
  const auto ms = [](time d) { return std::to_string(d / 1ms); };
  return "| `" + std::string(policy) + "` | " + t.name + " | " + ms(o.wait_percentile(50)) + " | " +
         ms(o.wait_percentile(99)) + " | " + std::to_string(o.cold_starts) + " | " +
         std::to_string(o.paid / 1s) + " |\n";
}

std::string table() {
  std::string out = "| policy | trace | wait p50, ms | wait p99, ms | cold starts | worker-seconds |\n"
                    "|---|---|---:|---:|---:|---:|\n";
  for (const trace& t :
       {policysim::burst(20), policysim::burst(200), policysim::warm_burst(200), policysim::long_calls(),
        policysim::steady(), policysim::diurnal(), policysim::spiky(), policysim::failing_start()})
    for (const auto policy : hotslot::policy_names())
      out += row(policy, t);
  return out;
}

constexpr std::string_view from = "<!-- the table of hotslot-policysim -->\n";
constexpr std::string_view to = "<!-- its end -->\n";

std::string with_table(const std::string& text, const std::string& made) {
  const auto begin = text.find(from);
  const auto end = text.find(to);
  if (begin == text.npos || end == text.npos)
    return {};
  return text.substr(0, begin) + std::string(from) + made + text.substr(end);
}

void put_into(const char* file, const std::string& made, bool write) {
  std::ifstream in(file);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const std::string wanted = with_table(text, made);
  if (write && !wanted.empty())
    std::ofstream(file) << wanted;
  else
    expect(text == wanted, std::string(file) + " has another table: --markdown puts this one there");
}

} // namespace

int main(int argc, char** argv) {
  check_demand();
  check_bursts();
  const std::string made = table();
  if (argc == 3)
    put_into(argv[2], made, std::strcmp(argv[1], "--markdown") == 0);
  std::cout << made;
  return wrong == 0 ? 0 : 1;
}
