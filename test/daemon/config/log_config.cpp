#include "daemon/calls/worker_pool.hpp"

#include "small_config.hpp"

using namespace hotslot::daemon;

TEST_CASE("by default functions write to the server's log, and calls to none") {
  const auto c = read("");
  const auto& log = c.functions.at(0).log;
  CHECK(log.target.to == log_destination::log);
  CHECK(log.max_bytes_per_call == 1024 * 1024);
  CHECK_FALSE(log.frames);
  CHECK_FALSE(c.access_log);
}

TEST_CASE("logs to a file, to syslog and to standard output") {
  const auto c =
      read("", R"("function_log": {"to": "file", "file": "logs/f.log", "max_bytes": 1000, "keep": 2,
    "max_bytes_per_call": 10, "frames": true}, "access_log": {"format": "json", "to": "syslog",
    "address": "udp://[::1]:514", "facility": "local7", "queue_bytes": 65536}, )");
  const auto& target = c.functions.at(0).log.target;
  CHECK(target.to == log_destination::file);
  CHECK(target.file == "/etc/hotslot/logs/f.log");
  CHECK(target.max_bytes == 1000);
  CHECK(target.keep == 2);
  CHECK(c.functions.at(0).log.max_bytes_per_call == 10);
  CHECK(c.functions.at(0).log.frames);
  REQUIRE(c.access_log);
  CHECK(c.access_log->format == access_format::json);
  CHECK(c.access_log->target.address.text == "udp://[::1]:514");
  CHECK(c.access_log->target.facility == syslog_facility::local7);
  CHECK(c.access_log->target.queue_bytes == 65536);

  const auto plain = read("", R"("access_log": {}, )");
  CHECK(plain.access_log->format == access_format::common);
  CHECK(plain.access_log->target.to == log_destination::standard_output);
  const auto defaults = read("", R"("function_log": {"to": "file", "file": "f"}, )");
  CHECK(defaults.function_log.target.max_bytes == 64 * 1024 * 1024);
  CHECK(defaults.function_log.target.keep == 5);
  const auto syslog = read("", R"("function_log": {"to": "syslog", "address": "unix:/dev/log"}, )");
  CHECK(syslog.function_log.target.facility == syslog_facility::user);
  CHECK(syslog.function_log.target.queue_bytes == 1024 * 1024);
}

TEST_CASE("a function's log is the configuration's, but for what it says itself") {
  const std::string top = R"("function_log": {"to": "file", "file": "f", "max_bytes_per_call": 10}, )";
  auto log = read(R"(, "function_log": {"max_bytes_per_call": 20})", top).functions.at(0).log;
  CHECK(log.target.file == "/etc/hotslot/f");
  CHECK(log.max_bytes_per_call == 20);
  log = read(R"(, "function_log": {"to": "stdout"})", top).functions.at(0).log;
  CHECK(log.target == log_target{.to = log_destination::standard_output});
  CHECK(log.max_bytes_per_call == 10);
  log = read(R"(, "function_log": {"file": "g"})", top).functions.at(0).log;
  CHECK(log.target.file == "/etc/hotslot/g");
}

TEST_CASE("only what a worker's environment depends on makes other workers") {
  const auto key = [](const std::string& log) {
    return worker_pool::key_of(read(R"(, "function_log": )" + log).functions.at(0));
  };
  CHECK(key("{}") == key(R"({"to": "stdout", "max_bytes_per_call": 1})"));
  CHECK(key("{}") != key(R"({"frames": true})"));
}

TEST_CASE("logs that cannot be are refused") {
  CHECK(problem_of("", R"("function_log": 1, )") == "/function_log: must be an object, not a number");
  CHECK(problem_of("", R"("function_log": {"to": "nowhere"}, )") ==
        "/function_log/to: must be one of \"log\", \"stdout\", \"file\", \"syslog\"");
  CHECK(problem_of("", R"("access_log": {"to": "log"}, )") ==
        "/access_log/to: must be one of \"stdout\", \"file\", \"syslog\"");
  CHECK(problem_of("", R"("access_log": {"format": "combined"}, )") ==
        "/access_log/format: must be one of \"common\", \"json\"");
  CHECK(problem_of("", R"("function_log": {"to": "file"}, )") ==
        "/function_log/file: this member is required");
  CHECK(problem_of("", R"("function_log": {"to": "syslog"}, )") ==
        "/function_log/address: this member is required");
  CHECK(
      problem_of("", R"("function_log": {"to": "syslog", "address": "localhost"}, )") ==
      "/function_log/address: must be udp://HOST:PORT, tcp://HOST:PORT or unix:/PATH (of at most 107 bytes)");
  CHECK(problem_of("", R"("function_log": {"to": "stdout", "file": "f"}, )") ==
        "/function_log/file: unknown member");
  CHECK(
      problem_of(R"(, "function_log": {"max_bytes_per_call": 0})") ==
      "/functions/0/function_log/max_bytes_per_call: must be a whole number from 1 to 1099511627776, not 0");
  CHECK(problem_of("", R"("function_log": {"to": "syslog", "address": "unix:/x", "queue_bytes": 1}, )") ==
        "/function_log/queue_bytes: must be a whole number from 65536 to 1073741824, not 1");
  CHECK(problem_of(R"(, "config": {"FN_LOGFRAME_NAME": "x"})") ==
        "/functions/0/config/FN_LOGFRAME_NAME: is set by the server");
}

TEST_CASE("a file that two logs write is rotated one way") {
  CHECK(problem_of(R"(, "function_log": {"file": "./f", "keep": 1})",
                   R"("function_log": {"to": "file", "file": "f"}, )") ==
        "/functions/0/function_log/file: /function_log writes this file, too, but rotates it differently");
  CHECK(problem_of(
            "",
            R"("function_log": {"to": "file", "file": "f"}, "access_log": {"to": "file", "file": "f"}, )") ==
        "none");
}
