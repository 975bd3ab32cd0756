#include "daemon/log/log.hpp"

#include "catch.hpp"
#include "seed.hpp"

#include <random>
#include <regex>
#include <sstream>
#include <thread>
#include <vector>

namespace {

using namespace hotslot::daemon;

// What a logger writes, without the time.
std::string written(std::string_view message, log_fields fields = {}) {
  std::ostringstream out;
  logger(log_level::trace, out).info(message, fields);
  const auto line = out.str();
  return line.substr(line.find(' ') + 1);
}

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);)
    out.push_back(line);
  return out;
}

TEST_CASE("an event is one line of fields") {
  const std::string app = "demo";
  CHECK(written("worker started", {{"app", app}, {"pid", 4711}, {"warm", true}, {"share", 0.5}}) ==
        "level=info msg=\"worker started\" app=demo pid=4711 warm=true share=0.5\n");
  CHECK(written("stopped") == "level=info msg=stopped\n");
  CHECK(written("n", {{"least", std::int64_t(-5)}, {"most", ~std::uint64_t(0)}}) ==
        "level=info msg=n least=-5 most=18446744073709551615\n");
}

TEST_CASE("the time is UTC with milliseconds") {
  std::ostringstream out;
  logger(log_level::info, out).info("x");
  CHECK(std::regex_match(out.str(),
                         std::regex(R"(time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z level=info msg=x\n)")));
}

TEST_CASE("the journal gets a priority, and has the time itself") {
  std::ostringstream out;
  const logger log(log_level::trace, out, log_format::journal);
  log.trace("t");
  log.debug("d");
  log.info("i", {{"n", 1}});
  log.warn("w");
  log.error("e");
  log.critical("c\n<0>forged");
  CHECK(out.str() == "<7>level=trace msg=t\n<7>level=debug msg=d\n<6>level=info msg=i n=1\n"
                     "<4>level=warn msg=w\n<3>level=error msg=e\n"
                     "<2>level=critical msg=\"c\\n<0>forged\"\n");
}

TEST_CASE("a text stays in its place") {
  const auto value = [](std::string_view text) {
    const auto line = written("m", {{"v", text}});
    return line.substr(std::string_view("level=info msg=m v=").size());
  };
  CHECK(value("") == "\"\"\n");
  CHECK(value("a b") == "\"a b\"\n");
  CHECK(value("a=b") == "\"a=b\"\n");
  CHECK(value("say \"hi\" \\") == "\"say \\\"hi\\\" \\\\\"\n");
  CHECK(value("x\ntime=0 level=critical msg=forged") == "\"x\\ntime=0 level=critical msg=forged\"\n");
  CHECK(value("a\r\tb") == "\"a\\r\\tb\"\n");
  CHECK(value(std::string_view("\0\x1b[2J\x7f", 6)) == "\"\\x00\\x1b[2J\\x7f\"\n");
  CHECK(value("größer €  😀") == "\"größer €  😀\"\n");
  CHECK(value("\xc2\x9b"
              "31m\xe2\x80\xa8") == "\"\\xc2\\x9b31m\\xe2\\x80\\xa8\"\n");
  CHECK(value("\xff\xc3") == "\"\\xff\\xc3\"\n");
  CHECK(value("\xc0\x8a\xed\xa0\x80") == "\"\\xc0\\x8a\\xed\\xa0\\x80\"\n");
  CHECK(value("{} %v {0}") == "\"{} %v {0}\"\n");
}

TEST_CASE("a message and a name stay in their place") {
  CHECK(written("a\nb", {{"a b=\n", 1}}) == "level=info msg=\"a\\nb\" a_b__=1\n");
}

TEST_CASE("random bytes make one line each") {
  const auto seed = random_seed();
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 2000; ++round) {
    std::string text(random() % 40, '\0');
    for (auto& c : text)
      c = static_cast<char>(random());
    const auto line = written(text, {{"v", text}});
    REQUIRE(std::count(line.begin(), line.end(), '\n') == 1);
    REQUIRE(
        std::none_of(line.begin(), line.end() - 1, [](unsigned char c) { return c < 0x20 || c == 0x7f; }));
  }
}

TEST_CASE("levels are read, and hold back what is below") {
  for (auto level : {log_level::trace, log_level::debug, log_level::info, log_level::warn, log_level::error,
                     log_level::critical, log_level::off})
    CHECK(parse_log_level(to_string(level)) == level);
  CHECK_FALSE(parse_log_level("INFO"));
  CHECK_FALSE(parse_log_level(""));

  std::ostringstream out;
  logger log(log_level::warn, out);
  log.trace("1");
  log.debug("2");
  log.info("3");
  CHECK(out.str().empty());
  log.warn("4");
  log.error("5");
  log.critical("6");
  CHECK(lines(out.str()).size() == 3);
  log.set_level(log_level::off);
  log.critical("7");
  CHECK_FALSE(log.enabled(log_level::critical));
  CHECK(lines(out.str()).size() == 3);
  log.set_level(log_level::trace);
  log.trace("8");
  CHECK(lines(out.str()).size() == 4);
}

TEST_CASE("threads do not break each other's lines") {
  std::ostringstream out;
  logger log(log_level::info, out);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&log, t] {
      for (int i = 0; i < 500; ++i)
        log.info("line", {{"thread", t}, {"text", "a b"}, {"i", i}});
    });
  for (auto& t : threads)
    t.join();
  const auto all = lines(out.str());
  CHECK(all.size() == 2000);
  const std::regex whole(R"(time=\S+Z level=info msg=line thread=[0-3] text="a b" i=\d+)");
  CHECK(std::all_of(all.begin(), all.end(), [&](const auto& l) { return std::regex_match(l, whole); }));
}

} // namespace
