// What becomes of the stats on a page.
#include "ctl/commands.hpp"
#include "ctl/failure.hpp"
#include "ctl/pool_view.hpp"
#include "ctl/watch.hpp"

#include "catch.hpp"

using namespace hotslot::ctl;
using namespace std::chrono_literals;

namespace {

std::string queue(const std::string& name, int calls, const std::string& more = "") {
  std::string text = R"({"key": "00", "id": "i", "app": "a", "name": ")";
  return text.append(name)
      .append(
          R"(", "trigger": "/t", "errors": 7, "condition": "breaker_open", "states": {"waiter": 1, "starter": 2, "runner": 3}, "idle": 4, "busy": 5,)")
      .append(more)
      .append(R"("totals": {"acquired": )")
      .append(std::to_string(calls))
      .append(R"(, "launched": 100}})");
}

std::string pool(const std::string& queues, int calls = 0, const std::string& more = "") {
  std::string text =
      R"({"schema": 1, "totals": {"states": {"waiter": 7}, "idle": 8, "errors": 9, "queues": 5000,)";
  return text.append(R"("acquired": )")
      .append(std::to_string(calls))
      .append("}, ")
      .append(more)
      .append(R"("queues": [)")
      .append(queues)
      .append("]}");
}

const std::string waits = R"("wait_ms": {"count": 9, "p50": 0, "p90": 1.25, "p99": 1234.5},)";
const std::string failing = R"("failure": {"message": "no \u001b[2J such", "breaker_open": true},)";

} // namespace

TEST_CASE("a document is read, as far as it is there") {
  const auto view = parse_pool(pool(queue("f", 6, waits + failing), 11));
  CHECK(view.totals.waiting == 7);
  CHECK(view.totals.calls == 11);
  REQUIRE(view.functions.size() == 1);
  const auto& f = view.functions.front();
  CHECK(f.name == "a/f");
  CHECK(f.trigger == "/t/a/t");
  CHECK(f.waiting == 1);
  CHECK(f.starting == 2);
  CHECK(f.idle == 4);
  CHECK(f.busy == 5);
  CHECK(f.calls == 6);
  CHECK(f.errors == 7);
  REQUIRE(f.wait_ms);
  CHECK(f.wait_ms->p99 == 1234.5);
  CHECK(f.condition == "breaker open");
  CHECK(f.trouble == "no \x1b[2J such");
  CHECK(parse_pool(R"({"queues": [{"condition": "calls_fail", "failed_calls": {"in_a_row": 7}}]})")
            .functions.front()
            .trouble == "the last 7 calls failed");
  CHECK(parse_pool(R"({"queues": [{}, 1]})").functions.front().calls == 0);
}

TEST_CASE("what is no document of the stats is refused") {
  for (const char* text : {"", "[]", "{}", "{\"queues\": 1}", "<html>"})
    CHECK_THROWS_AS(parse_pool(text), failure);
}

TEST_CASE("rates are those between two views, and begin anew with the server") {
  call_rates rates;
  const call_rates::clock::time_point start{};
  rates.add(parse_pool(pool(queue("f", 10), 10)), start);
  CHECK_FALSE(rates.of("a/f"));
  rates.add(parse_pool(pool(queue("f", 30) + "," + queue("g", 5), 35)), start + 2s);
  CHECK(rates.of("a/f") == 10.0);
  CHECK(rates.of("") == 12.5);
  CHECK_FALSE(rates.of("a/g"));
  rates.add(parse_pool(pool(queue("f", 3), 3)), start + 3s);
  CHECK_FALSE(rates.of("a/f"));
  CHECK_FALSE(rates.of("a/g"));
}

TEST_CASE("the order is the server's, and what an error is") {
  const auto view = parse_pool(pool(queue("b", 1) + "," + queue("a", 9), 0, R"("matching": 12,)"));
  CHECK(view.functions[0].name == "a/b");
  CHECK(view.functions[1].name == "a/a");
  CHECK(view.totals.errors == 9);
  CHECK(view.queues == 5000);
  CHECK(view.all() == 12);
}

TEST_CASE("a page") {
  const auto view = parse_pool(pool(queue("f", 6, waits + failing) + "," + queue("g", 1), 7));
  const auto lines = describe_pool(view, {}, "http://h", "", 24);
  REQUIRE(lines.size() == 7);
  CHECK(lines[0] == "http://h");
  CHECK(lines[1] == "7 calls, -/s; 7 waiting; workers: 8 idle, 0 busy, 0 starting; 9 errors");
  CHECK(lines[2].empty());
  CHECK(lines[3] ==
        "FUNCTION  STATE         CALLS  /S  WAIT  IDLE  BUSY  START  P50  P90  P99 MS  ERRORS  WHY");
  CHECK(lines[4] == "a/f       breaker open      6   -     1     4     5      2  0.0  1.2    1234       7  "
                    "no \\x1b[2J such");
  CHECK(lines[5] == "a/g       breaker open      1   -     1     4     5      2    -    -       -       7");
  CHECK(lines[6] == "and 4998 more");
  CHECK(describe_pool(view, {}, "http://h", "", 24, "by \x1b")[2] == "by \\x1b");
}

TEST_CASE("a page is no longer than the terminal") {
  std::string queues = queue("f0", 0);
  for (int i = 1; i < 9; ++i)
    queues.append(",").append(queue("f" + std::to_string(i), i));
  auto view = parse_pool(pool(queues));
  CHECK(describe_pool(view, {}, "h", "lost", 13).back() == "and 4992 more");
  CHECK(room_for_rows(13) == 9);
  view.queues = 9;
  CHECK(describe_pool(view, {}, "h", "lost", 13).size() == 13); // all of them
  const auto lines = describe_pool(view, {}, "h", "lost", 8);
  REQUIRE(lines.size() == 8);
  CHECK(lines[0] == "h: lost");
  CHECK(lines[7] == "and 6 more");
  for (std::size_t rows : {0, 1, 3})
    CHECK(describe_pool(view, {}, "h", "", rows).size() == 5);
}

TEST_CASE("JSON does nothing to a terminal, and stays what it is") {
  CHECK(printable_json("{\"a\": \"\x7f\xc2\x9b\xe2\x80\xae"
                       "ü\"}\n") == "{\"a\": \"\\u007f\\u009b\\u202eü\"}\n");
  CHECK(printable_json("\"\xc3\x9b\U0001f600\xff\"", charset::ascii) == "\"\\u00db\\ud83d\\ude00\\ufffd\"");
  CHECK(printable_json("\"\xff\"") == "\"\xef\xbf\xbd\"");
}
