#include "daemon/config/config.hpp"

#include "catch.hpp"
#include "seed.hpp"
#include "small_config.hpp"

#include <filesystem>
#include <fstream>
#include <random>

#include <unistd.h>

namespace {

using namespace hotslot::daemon;
using namespace std::chrono_literals;

constexpr const char* good_config = R"({
  "listen": "0.0.0.0:80",
  "admin": "[::1]:0",
  "resources": {"memory_mb": 2048, "cpu_milli": "auto"},
  "socket_dir": "run/sockets/",
  "max_body_bytes": 1000,
  "max_header_bytes": 2000,
  "request_buffer_bytes": 3000,
  "underscores_in_headers": true,
  "drain_grace_s": 0,
  "functions": [
    {"app": "demo", "name": "echo", "trigger": "/echo", "command": ["./echo", ""], "dir": "functions/echo",
     "memory_mb": 64, "cpu_milli": 250, "timeout_s": 300, "idle_timeout_s": 0, "wait_timeout_s": 7,
     "start_timeout_ms": 1500, "reply_buffer_bytes": 0, "stop_grace_ms": 100, "max_workers": 1024,
     "config": {"GREETING": "hello \"you\"", "_x1": ""}},
    {"app": "demo", "name": "über", "id": "slow", "command": ["node", "func.js"], "dir": "/srv/über"}
  ]
})";

json_problems problems_of(const std::string& text) {
  try {
    parse_config(text, config_file);
  } catch (const config_error& e) {
    return e.problems();
  }
  return {};
}

struct bad_config {
  std::string text;
  std::string pointer;
  std::string message;
};

void check_refused(const std::vector<bad_config>& table) {
  for (const auto& bad : table) {
    INFO(bad.text);
    const auto problems = problems_of(bad.text);
    REQUIRE(problems.size() == 1);
    CHECK(problems.front().pointer == bad.pointer);
    CHECK(problems.front().message == bad.message);
  }
}

TEST_CASE("a full configuration is taken as it is") {
  const auto c = parse_config(good_config, config_file);
  CHECK(to_string(c.listen.front().address) == "0.0.0.0:80");
  CHECK(to_string(c.admin.front().address) == "[::1]:0");
  CHECK(c.resources.memory_mb == 2048u);
  CHECK_FALSE(c.resources.cpu_milli);
  CHECK(c.socket_dir == "/etc/hotslot/run/sockets");
  CHECK(c.max_body_bytes == 1000);
  CHECK(c.max_header_bytes == 2000);
  CHECK(c.request_buffer == 3000);
  CHECK(c.underscores_in_headers);
  CHECK(c.drain_grace == 0s);
  REQUIRE(c.functions.size() == 2);

  const auto& echo = c.functions[0];
  CHECK(echo.app == "demo");
  CHECK(echo.name == "echo");
  CHECK(echo.trigger == "/echo");
  CHECK(echo.command == std::vector<std::string>{"./echo", ""});
  CHECK(echo.dir == "/etc/hotslot/functions/echo");
  CHECK(echo.memory_mb == 64);
  CHECK(echo.cpu_milli == 250);
  CHECK(echo.timeout == 300s);
  CHECK(echo.launch.idle_timeout == 0s);
  CHECK(echo.wait_timeout == 7s);
  CHECK(echo.start_timeout == 1500ms);
  CHECK(echo.stop_grace == 100ms);
  CHECK(echo.reply_buffer == 0);
  CHECK(echo.launch.max_workers == 1024);
  CHECK(echo.config == std::map<std::string, std::string>{{"GREETING", "hello \"you\""}, {"_x1", ""}});

  CHECK(c.functions[1].name == "über");
  CHECK(c.functions[1].id == "slow");
  CHECK(c.functions[1].dir == "/srv/über");
}

TEST_CASE("an address may have a certificate and tokens") {
  const auto c =
      parse_config(with("", R"("listen": {"address": "[::]:443", "tls": {"certificate": "c.pem", "key": "/k",
    "client_ca": "../ca.pem"}, "token_file": "tokens"}, "admin": {"token_file": "t", "max_connections": 5,
    "max_connections_per_address": 3, "backlog": 7, "probes": true, "hosts": ["Ops.example.org", "x"]}, "drain_delay_s": 9, )"),
                   config_file);
  CHECK(to_string(c.listen.front().address) == "[::]:443");
  CHECK(c.listen.front().tls == hotslot::http::tls_files{"/etc/hotslot/c.pem", "/k", "/etc/ca.pem"});
  CHECK(c.listen.front().token_file == "/etc/hotslot/tokens");
  CHECK(to_string(c.admin.front().address) == "127.0.0.1:8081");
  CHECK_FALSE(c.admin.front().tls);
  CHECK_FALSE(c.listen.front().max_connections);
  CHECK(c.listen.front().max_connections_per_address == 0);
  CHECK_FALSE(c.listen.front().backlog);
  CHECK(c.admin.front().max_connections == 5);
  CHECK(c.admin.front().max_connections_per_address == 3);
  CHECK(c.admin.front().backlog == 7);
  CHECK(c.admin.front().probes);
  CHECK_FALSE(c.listen.front().probes);
  CHECK(c.admin.front().hosts == std::vector<std::string>{"ops.example.org", "x"});
  CHECK(c.drain_delay == 9s);
  CHECK(c.admin.front().token_file == "/etc/hotslot/t");
}

TEST_CASE("there may be several addresses") {
  const auto c =
      parse_config(with("", R"("listen": ["[::]:443", {"address": "unix:../run/./c.sock", "mode": "0600",
    "group": "root"}, {"address": "127.0.0.1:0", "tls": {"certificate": "c", "key": "k", "more": [{"certificate": "d",
    "key": "/l"}]}}], "admin": "unix:/run/a.sock", )"),
                   config_file);
  REQUIRE(c.listen.size() == 3);
  CHECK(to_string(c.listen[0].address) == "[::]:443");
  CHECK(to_string(c.listen[1].address) == "unix:/etc/run/c.sock");
  CHECK(c.listen[1].access == socket_access{.mode = 0600, .group = 0});
  CHECK(to_string(c.listen[2].address) == "127.0.0.1:0");
  REQUIRE(c.listen[2].tls);
  CHECK(c.listen[2].tls->more == std::vector<hotslot::http::certificate_files>{{"/etc/hotslot/d", "/l"}});
  REQUIRE(c.admin.size() == 1);
  CHECK(to_string(c.admin[0].address) == "unix:/run/a.sock");
  CHECK(c.admin[0].access == socket_access{});
}

TEST_CASE("what is not said has its default") {
  const auto c = parse_config(with(""), config_file);
  CHECK(to_string(c.listen.front().address) == "127.0.0.1:8080");
  CHECK(to_string(c.admin.front().address) == "127.0.0.1:8081");
  CHECK_FALSE(c.resources.memory_mb);
  CHECK_FALSE(c.resources.cpu_milli);
  CHECK_FALSE(c.socket_dir);
  CHECK(c.max_body_bytes == 16 * 1024 * 1024);
  CHECK_FALSE(c.underscores_in_headers);
  CHECK(c.max_header_bytes == 16 * 1024);
  CHECK(c.request_buffer == 1024 * 1024);
  CHECK(c.drain_grace == 30s);
  const auto& f = c.functions.at(0);
  CHECK(f.trigger.empty());
  CHECK(f.reply_buffer == 1024 * 1024);
  CHECK(f.dir == "/etc/hotslot");
  CHECK(f.memory_mb == 128);
  CHECK(f.cpu_milli == 0);
  CHECK(f.timeout == 30s);
  CHECK(f.launch.idle_timeout == 30s);
  CHECK(f.wait_timeout == 30s);
  CHECK(f.start_timeout == 5s);
  CHECK(f.stop_grace == 2s);
  CHECK(f.launch.max_workers == 8);
  CHECK(f.config.empty());
}

TEST_CASE("a server without functions is a server") {
  CHECK(parse_config(R"({"functions": []})", config_file).functions.empty());
}

TEST_CASE("ids are made from app and name, and stay the same") {
  const auto f = parse_config(with(""), config_file).functions.at(0);
  CHECK(f.id == "9888370bcec8422d36390c3291"); // printf 'a\0f\0' | sha256sum
  CHECK(f.app_id == "ffe9aaeaa2a2d5048174df0b80");
  CHECK(default_id({"ab", "c"}) != default_id({"a", "bc"}));
}

TEST_CASE("malformed JSON is refused with its place") {
  check_refused({
      {"", "", "malformed JSON at line 1, column 1: incomplete JSON"},
      {"{\"functions\": [\n  {,}]}", "", "malformed JSON at line 2, column 4: syntax error"},
      {"{\"functions\": []", "", "malformed JSON at line 1, column 17: incomplete JSON"},
      {"{\"functions\": []} x", "", "malformed JSON at line 1, column 19: extra data"},
      {"{\"functions\": [], // no comments\n}", "", "malformed JSON at line 1, column 19: syntax error"},
      {std::string(100, '['), "", "malformed JSON at line 1, column 33: too deep"},
      {"[]", "", "must be an object, not an array"},
      {"null", "", "must be an object, not null"},
  });
}

TEST_CASE("unknown, missing and repeated members are refused") {
  check_refused({
      {"{}", "/functions", "this member is required"},
      {R"({"functions": {}})", "/functions", "must be an array, not an object"},
      {R"({"functions": [7]})", "/functions/0", "must be an object, not a number"},
      {with("", R"("lisn": 1, )"), "/lisn", "unknown member"},
      {with("", R"("a/b~c": 1, )"), "/a~1b~0c", "unknown member"},
      {with(R"(, "memory": 1)"), "/functions/0/memory", "unknown member"},
      {with("", R"("resources": {"cpus": 1}, )"), "/resources/cpus", "unknown member"},
      {R"({"functions": [{"name": "f", "command": ["c"]}]})", "/functions/0/app", "this member is required"},
      {R"({"functions": [{"app": "a", "command": ["c"]}]})", "/functions/0/name", "this member is required"},
      {R"({"functions": [{"app": "a", "name": "f"}]})", "/functions/0/command", "this member is required"},
      {with(R"(, "id": "x", "id": "y")"), "/functions/0/id", "this member appears more than once"},
      {with(R"(, "i\u0064": "x", "id": "y")"), "/functions/0/id", "this member appears more than once"},
      {with(R"(, "config": {"A": "1", "B": "", "A": "1"})"), "/functions/0/config/A",
       "this member appears more than once"},
      {with("", R"("functions": [], )"), "/functions", "this member appears more than once"},
  });
}

TEST_CASE("wrong types are refused") {
  check_refused({
      {with("", R"("listen": 8080, )"), "/listen", "must be a string, not a number"},
      {with("", R"("listen": {"address": 8080}, )"), "/listen/address", "must be a string, not a number"},
      {with("", R"("listen": {"tls": true}, )"), "/listen/tls", "must be an object, not a boolean"},
      {with("", R"("listen": {"tls": {"certificate": "c"}}, )"), "/listen/tls/key",
       "this member is required"},
      {with("", R"("admin": {"tls": {"key": "k"}}, )"), "/admin/tls/certificate", "this member is required"},
      {with("", R"("admin": {"tls": {"certificate": "c", "key": "k", "ca": "c"}}, )"), "/admin/tls/ca",
       "unknown member"},
      {with("", R"("admin": {"token_file": ""}, )"), "/admin/token_file", "must not be empty"},
      {with("", R"("listen": {"address": "127.0.0.1:1", "max_connections": 0}, )"), "/listen/max_connections",
       "must be a whole number from 1 to 1000000, not 0"},
      {with("", R"("listen": {"address": "127.0.0.1:1", "backlog": 65536}, )"), "/listen/backlog",
       "must be a whole number from 1 to 65535, not 65536"},
      {with("", R"("admin": {"address": "127.0.0.1:1", "hosts": ["a", "b:80"]}, )"), "/admin/hosts/1",
       "must be a name as in a URL, without a port"},
      {with("", R"("admin": {"address": "127.0.0.1:1", "hosts": "a"}, )"), "/admin/hosts",
       "must be an array of strings, not a string"},
      {with("", R"("max_buffered_bytes": 65535, )"), "/max_buffered_bytes",
       "must be a whole number from 65536 to 1099511627776, not 65535"},
      {with("", R"("max_metric_keys": -1, )"), "/max_metric_keys",
       "must be a whole number from 0 to 1000000, not -1"},
      {with("", R"("admin": {"port": 1}, )"), "/admin/port", "unknown member"},
      {with("", R"("resources": "auto", )"), "/resources", "must be an object, not a string"},
      {with("", R"("resources": {"memory_mb": []}, )"), "/resources/memory_mb",
       "must be a whole number from 1 to 16777216, not an array"},
      {with("", R"("resources": {"memory_mb": "all"}, )"), "/resources/memory_mb",
       "must be \"auto\" or a whole number from 1 to 16777216"},
      {with("", R"("socket_dir": null, )"), "/socket_dir", "must be a string, not null"},
      {with("", R"("max_body_bytes": "1M", )"), "/max_body_bytes",
       "must be a whole number from 1 to 1099511627776, not a string"},
      {with(R"(, "timeout_s": 1.5)"), "/functions/0/timeout_s",
       "must be a whole number from 1 to 300, not a fraction"},
      {with(R"(, "timeout_s": true)"), "/functions/0/timeout_s",
       "must be a whole number from 1 to 300, not a boolean"},
      {with(R"(, "trigger": {})"), "/functions/0/trigger", "must be a string, not an object"},
      {with(R"(, "dir": 1)"), "/functions/0/dir", "must be a string, not a number"},
      {with(R"(, "config": [])"), "/functions/0/config", "must be an object, not an array"},
      {with(R"(, "config": {"A": 1})"), "/functions/0/config/A", "must be a string, not a number"},
      {R"({"functions": [{"app": "a", "name": "f", "command": "ls"}]})", "/functions/0/command",
       "must be an array of strings, not a string"},
      {R"({"functions": [{"app": "a", "name": "f", "command": ["ls", 1]}]})", "/functions/0/command/1",
       "must be a string, not a number"},
  });
}

std::string out_of(const std::string& range, const std::string& value) {
  return "must be a whole number from " + range + ", not " + value;
}

TEST_CASE("numbers out of their range are refused") {
  check_refused({
      {with("", R"("resources": {"cpu_milli": 0}, )"), "/resources/cpu_milli", out_of("1 to 1000000", "0")},
      {with("", R"("max_body_bytes": 0, )"), "/max_body_bytes", out_of("1 to 1099511627776", "0")},
      {with("", R"("max_header_bytes": 1023, )"), "/max_header_bytes", out_of("1024 to 1048576", "1023")},
      {with("", R"("drain_grace_s": 3601, )"), "/drain_grace_s", out_of("0 to 3600", "3601")},
      {with(R"(, "memory_mb": 0)"), "/functions/0/memory_mb", out_of("1 to 16777216", "0")},
      {with(R"(, "memory_mb": -1)"), "/functions/0/memory_mb", out_of("1 to 16777216", "-1")},
      {with(R"(, "memory_mb": 18446744073709551615)"), "/functions/0/memory_mb",
       out_of("1 to 16777216", "18446744073709551615")},
      {with(R"(, "cpu_milli": 1000001)"), "/functions/0/cpu_milli", out_of("0 to 1000000", "1000001")},
      {with(R"(, "timeout_s": 0)"), "/functions/0/timeout_s", out_of("1 to 300", "0")},
      {with(R"(, "timeout_s": 301)"), "/functions/0/timeout_s", out_of("1 to 300", "301")},
      {with(R"(, "idle_timeout_s": 3601)"), "/functions/0/idle_timeout_s", out_of("0 to 3600", "3601")},
      {with(R"(, "wait_timeout_s": 0)"), "/functions/0/wait_timeout_s", out_of("1 to 3600", "0")},
      {with(R"(, "start_timeout_ms": 0)"), "/functions/0/start_timeout_ms", out_of("1 to 300000", "0")},
      {with(R"(, "stop_grace_ms": 60001)"), "/functions/0/stop_grace_ms", out_of("0 to 60000", "60001")},
      {with(R"(, "max_workers": 0)"), "/functions/0/max_workers", out_of("1 to 1024", "0")},
      {with(R"(, "max_workers": 1025)"), "/functions/0/max_workers", out_of("1 to 1024", "1025")},
  });
}

// 14.28
TEST_CASE("a whole number may be written as a fraction, wherever one is taken") {
  const auto c = parse_config(with(R"(, "timeout_s": 30.0, "memory_mb": 1e2, "isolation": {"user": 1000.0})",
                                   R"("drain_grace_s": 0.0, "resources": {"memory_mb": 500.0}, )"),
                              config_file);
  CHECK(c.functions[0].timeout == std::chrono::seconds(30));
  CHECK(c.functions[0].memory_mb == 100);
  CHECK(c.functions[0].isolation.given == hotslot::process::user_ids{1000, 1000});
  CHECK(c.drain_grace == std::chrono::seconds(0));
  CHECK(c.resources.memory_mb == 500);
  check_refused({
      {with(R"(, "timeout_s": 301.0)"), "/functions/0/timeout_s", out_of("1 to 300", "3.01E2")},
      {with(R"(, "timeout_s": -1.0)"), "/functions/0/timeout_s", out_of("1 to 300", "-1E0")},
      {with(R"(, "timeout_s": 1e300)"), "/functions/0/timeout_s", out_of("1 to 300", "1E300")},
      {with(R"(, "timeout_s": 30.5)"), "/functions/0/timeout_s", out_of("1 to 300", "a fraction")},
  });
}

// 14.28
TEST_CASE("a byte order mark is passed over, at the beginning only") {
  const std::string mark = "\xef\xbb\xbf";
  CHECK(parse_config(mark + with(""), config_file).functions.size() == 1);
  check_refused({
      {mark + "x", "", "malformed JSON at line 1, column 1: syntax error"},
      {mark + mark + with(""), "", "malformed JSON at line 1, column 1: syntax error"},
  });
}

TEST_CASE("isolation is inherited member by member") {
  const auto c =
      parse_config(R"({"isolation": {"max_files": 70, "tmp_mb": 0, "user": "server"}, "functions": [
    {"app": "a", "name": "b", "command": ["c"]},
    {"app": "a", "name": "d", "command": ["c"], "isolation": {"max_files": 80, "user": 0, "sandbox": "oci",
     "rootfs": "files", "network": false}}]})",
                   config_file);
  const auto& common = c.functions[0].isolation;
  CHECK(common.max_files == 70);
  CHECK(common.tmp_mb == 0);
  CHECK(common.max_processes == 512);
  CHECK(common.user == hotslot::process::user_policy::same);
  const auto& other = c.functions[1].isolation;
  CHECK(other.max_files == 80);
  CHECK(other.tmp_mb == 0);
  CHECK(other.user == hotslot::process::user_policy::given);
  CHECK(other.given == hotslot::process::user_ids{0, 0});
  CHECK(other.rootfs == "/etc/hotslot/files");
  CHECK_FALSE(other.network);
  CHECK(identity_of(common) != identity_of(other));
}

// 14.28
TEST_CASE("fewer files or processes than anything runs with") {
  const std::string few_files = "must be 0, or at least 16: nothing runs with fewer";
  const std::string few_processes =
      "takes \"max_processes\" of 0, or at least 8: bubblewrap needs some itself";
  check_refused({
      {with(R"(, "isolation": {"max_files": 3})"), "/functions/0/isolation/max_files", few_files},
      {with(R"(, "isolation": {"max_files": 15})"), "/functions/0/isolation/max_files", few_files},
      {with(R"(, "isolation": {"max_processes": 7, "sandbox": "bwrap"})"),
       "/functions/0/isolation/max_processes", few_processes},
      {R"({"isolation": {"max_processes": 1}, "functions": [
         {"app": "a", "name": "b", "command": ["c"], "isolation": {"sandbox": "bwrap"}}]})",
       "/functions/0/isolation/sandbox", few_processes},
  });
  CHECK(parse_config(with(R"(, "isolation": {"max_files": 16, "max_processes": 1})"), config_file)
            .functions[0]
            .isolation.max_files == 16);
  CHECK(parse_config(with(R"(, "isolation": {"max_files": 0})"), config_file)
            .functions[0]
            .isolation.max_files == 0);
}

TEST_CASE("isolation that cannot be meant") {
  check_refused({
      {with(R"(, "isolation": true)"), "/functions/0/isolation", "must be an object, not a boolean"},
      {with(R"(, "isolation": {"user": "nobody at all"})"), "/functions/0/isolation/user",
       "must be \"auto\", \"own\", \"server\", or a user of this machine by name or number"},
      {with(R"(, "isolation": {"user": -1})"), "/functions/0/isolation/user",
       out_of("0 to 4294967294", "-1")},
      {with(R"(, "isolation": {"sandbox": "jail"})"), "/functions/0/isolation/sandbox",
       "must be one of \"none\", \"bwrap\", \"oci\""},
      {with(R"(, "isolation": {"sandbox": "oci"})"), "/functions/0/isolation/sandbox",
       "takes either a \"rootfs\" or a \"bundle\" for \"oci\""},
      {with(R"(, "isolation": {"network": false})"), "/functions/0/isolation/network", "takes a sandbox"},
      {with(R"(, "isolation": {"root": 1})"), "/functions/0/isolation/root", "unknown member"},
  });
}

std::string identity(const std::string& app, const std::string& name) {
  return R"({"functions": [{"app": ")" + app + R"(", "name": ")" + name + R"(", "command": ["c"]}]})";
}

TEST_CASE("impossible texts are refused") {
  const std::string variable =
      "is no name of an environment variable: letters, digits and '_', not beginning with a digit";
  check_refused({
      {identity("", "f"), "/functions/0/app", "must not be empty"},
      {identity("a/b", "f"), "/functions/0/app", "must not hold a slash"},
      {identity("a", "a\\u0000b"), "/functions/0/name", "must not hold a NUL character"},
      {identity("a", "a\\nb"), "/functions/0/name", "must not hold a control character"},
      {identity("a", ".."), "/functions/0/name", "must not be \".\" or \"..\""},
      {with(R"(, "id": "")"), "/functions/0/id", "must not be empty"},
      {with(R"(, "trigger": "echo")"), "/functions/0/trigger", "must begin with a slash"},
      {with(R"(, "trigger": "")"), "/functions/0/trigger", "must begin with a slash"},
      {with(R"(, "trigger": "/a?b")"), "/functions/0/trigger", "must not hold '?' or '#'"},
      {with(R"(, "trigger": "/\u007f")"), "/functions/0/trigger", "must not hold a control character"},
      {with(R"(, "dir": "")"), "/functions/0/dir", "must not be empty"},
      {with(R"(, "dir": "a\u0000b")"), "/functions/0/dir", "must not hold a NUL character"},
      {with(R"(, "config": {"1A": "x"})"), "/functions/0/config/1A", variable},
      {with(R"(, "config": {"": "x"})"), "/functions/0/config/", variable},
      {with(R"(, "config": {"A=B": "x"})"), "/functions/0/config/A=B", variable},
      {with(R"(, "config": {"A": "x\u0000"})"), "/functions/0/config/A", "must not hold a NUL character"},
      {with(R"(, "config": {"FN_LISTENER": "x"})"), "/functions/0/config/FN_LISTENER",
       "is set by the server"},
      {R"({"functions": [{"app": "a", "name": "f", "command": []}]})", "/functions/0/command",
       "must not be empty"},
      {R"({"functions": [{"app": "a", "name": "f", "command": [""]}]})", "/functions/0/command/0",
       "must name a program"},
      {with("", R"("listen": "localhost:1", )"), "/listen", "must be " + std::string(endpoint_form)},
      {with("", R"("admin": "127.0.0.1:65536", )"), "/admin", "must be " + std::string(endpoint_form)},
      {with("", R"("listen": "[::1]:1", "admin": {"address": "[::1]:1"}, )"), "/admin",
       "is the address of /listen, too: [::1]:1"},
  });
}

TEST_CASE("functions must be distinguishable") {
  const auto two = [](const std::string& first, const std::string& second) {
    return R"({"functions": [{"command": ["c"], "app": "a", )" + first + R"(}, {"command": ["c"], )" +
           second + "}]}";
  };
  check_refused({
      {two(R"("name": "f", "id": "1")", R"("app": "a", "name": "f", "id": "2")"), "/functions/1/name",
       "this app and name: /functions/0 has it already"},
      {two(R"("name": "f", "trigger": "/t")", R"("app": "a", "name": "g", "trigger": "/t")"),
       "/functions/1/trigger", "this app and trigger: /functions/0 has it already"},
      {two(R"("name": "f", "id": "x")", R"("app": "b", "name": "f", "id": "x")"), "/functions/1/id",
       "this id: /functions/0 has it already"},
      {two(R"("name": "f")", R"("app": "b", "name": "f", "id": ")" + default_id({"a", "f"}) + '"'),
       "/functions/1/id", "this id: /functions/0 has it already"},
  });
  CHECK(problems_of(two(R"("name": "f", "trigger": "/t")", R"("app": "b", "name": "f", "trigger": "/t")"))
            .empty());
}

TEST_CASE("all problems are told at once, each on a line with file and pointer") {
  const auto text =
      R"({"listen": 1, "functions": [{"app": "a/", "name": "f", "command": []}], "\u001b[2J": 1})";
  try {
    parse_config(text, config_file);
    FAIL("accepted");
  } catch (const config_error& e) {
    CHECK(e.what() == std::string("/etc/hotslot/hotslot.json: /listen: must be a string, not a number\n"
                                  "/etc/hotslot/hotslot.json: /functions/0/app: must not hold a slash\n"
                                  "/etc/hotslot/hotslot.json: /functions/0/command: must not be empty\n"
                                  "/etc/hotslot/hotslot.json: /\\x1b[2J: unknown member"));
  }
}

TEST_CASE("relative paths start where the file is") {
  const auto c = parse_config(with(R"(, "dir": "../f")", R"("socket_dir": ".", )"), "conf/hotslot.json");
  const auto here = std::filesystem::current_path();
  CHECK(c.functions.at(0).dir == here / "f");
  CHECK(c.socket_dir == here / "conf");
}

TEST_CASE("a file is read whole, or refused by name") {
  const auto folder = std::filesystem::temp_directory_path() / ("hotslot-config-" + std::to_string(getpid()));
  std::filesystem::create_directory(folder);
  const auto path = folder / "c.json";
  std::ofstream(path) << good_config;
  CHECK(load_config(path).functions.at(0).dir == folder / "functions/echo");
  CHECK_THROWS_WITH(load_config(folder / "none.json"),
                    (folder / "none.json").string() + ": cannot be read: No such file or directory");
  CHECK_THROWS_WITH(load_config(folder), folder.string() + ": cannot be read: it is a directory");
  CHECK_THROWS_WITH(load_config("/dev/zero"), "/dev/zero: cannot be read: it is longer than 16777216 bytes");
  std::ofstream(path) << std::string(100'000, ' ') << good_config << std::string(100'000, '\n');
  CHECK(load_config(path).functions.size() == 2);
  std::filesystem::remove_all(folder);
}

TEST_CASE("the sample configurations are good, and differ in the function that needs node") {
  const std::filesystem::path folder(HOTSLOT_FUNCTIONS);
  const auto plain = load_config(folder / "hotslot.json").functions;
  const auto node = load_config(folder / "hotslot-node.json").functions;
  REQUIRE(node.size() == plain.size() + 1);
  for (std::size_t i = 0; i < plain.size(); ++i) {
    CHECK(node[i].id == plain[i].id);
    CHECK(node[i].trigger == plain[i].trigger);
    CHECK(node[i].command == plain[i].command);
    CHECK(node[i].dir == plain[i].dir);
    CHECK(node[i].config == plain[i].config);
  }
  CHECK(node.back().name == "hello");
  CHECK(node.back().dir == folder / "hello");
}

// Whatever is done to a good file: it is taken, or refused by a config_error with at least one problem.
bool survives(const std::string& text) {
  try {
    parse_config(text, config_file);
    return true;
  } catch (const config_error& e) {
    return !e.problems().empty();
  }
}

TEST_CASE("a truncated configuration is refused") {
  const std::string whole(good_config);
  for (std::size_t n = 0; n < whole.size(); ++n)
    CHECK_FALSE(problems_of(whole.substr(0, n)).empty());
}

void mutate(std::string& text, std::mt19937& random) {
  static constexpr std::string_view bits = "{}[]\",:\\0-9.eE/~\n\xff\x80tn";
  const auto at = random() % text.size();
  switch (random() % 4) {
  case 0:
    text[at] = static_cast<char>(random());
    break;
  case 1:
    text[at] = bits[random() % bits.size()];
    break;
  case 2:
    text.erase(at, 1 + random() % 20);
    break;
  default:
    text.insert(at, text.substr(random() % text.size(), 1 + random() % 40));
    break;
  }
  if (text.empty())
    text = " ";
}

TEST_CASE("a damaged configuration never crashes") {
  const auto seed = random_seed();
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 3000; ++round) {
    std::string text(good_config);
    for (auto n = 1 + random() % 8; n > 0; --n)
      mutate(text, random);
    if (!survives(text))
      FAIL("round " << round << ": " << text);
  }
}

} // namespace
