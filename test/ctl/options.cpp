#include "ctl/options.hpp"

#include "catch.hpp"

#include <hotslot/version.hpp>

#include <cstdlib>
#include <vector>

using namespace hotslot::ctl;
using namespace std::chrono_literals;

namespace {

std::variant<options, early_exit> parse(std::vector<const char*> args) {
  args.insert(args.begin(), "hotslotctl");
  return parse_options(static_cast<int>(args.size()), args.data());
}

options accepted(std::vector<const char*> args) {
  auto parsed = parse(std::move(args));
  if (const auto* e = std::get_if<early_exit>(&parsed))
    FAIL(e->err);
  return std::get<options>(parsed);
}

} // namespace

TEST_CASE("a command is enough") {
  const auto o = accepted({"list"});
  CHECK(o.what == command::list);
  CHECK(o.admin.url() == "http://127.0.0.1:8081");
  CHECK_FALSE(o.timeout);
  CHECK_FALSE(o.json);
  CHECK(accepted({"stats"}).function.empty());
  CHECK(accepted({"watch"}).interval == 1s);
}

TEST_CASE("options come before a command or behind it") {
  for (const auto& args :
       {std::vector<const char*>{"--admin", "https://h:1", "--json", "--timeout", "0.5", "drain"},
        std::vector<const char*>{"drain", "--admin=https://h:1", "--json", "--timeout", "0.5"}}) {
    const auto o = accepted(args);
    CHECK(o.what == command::drain);
    CHECK(o.admin.url() == "https://h:1");
    CHECK(o.json);
    CHECK(o.timeout == 500ms);
  }
}

TEST_CASE("the environment has an address, too") {
  ::setenv("HOTSLOT_ADMIN", "http://there:1", 1);
  CHECK(accepted({"list"}).admin.url() == "http://there:1");
  CHECK(accepted({"list", "--admin", "http://here:1"}).admin.url() == "http://here:1");
  ::unsetenv("HOTSLOT_ADMIN");
}

TEST_CASE("a file of tokens may be named by the environment") {
  ::setenv("HOTSLOT_TOKEN_FILE", "/theirs", 1);
  CHECK(accepted({"list"}).token_file == "/theirs");
  CHECK(accepted({"list", "--token-file", "/mine"}).token_file == "/mine");
  ::unsetenv("HOTSLOT_TOKEN_FILE");
  CHECK(accepted({"list"}).token_file.empty());
}

TEST_CASE("what is shown first, and what at all") {
  for (const char* command : {"list", "watch"}) {
    const auto o = accepted({command, "--by", "errors", "--match", "a/"});
    CHECK(o.by == "errors");
    CHECK(o.match == "a/");
  }
}

TEST_CASE("what a call is made of") {
  const auto o = accepted(
      {"call", "demo/echo", "-d", "{}", "-H", "Content-Type: application/json", "-H", "X-Empty:", "-i"});
  CHECK(o.what == command::call);
  CHECK(o.function == "demo/echo");
  CHECK(o.data == "{}");
  CHECK(o.include);
  CHECK(o.headers == std::vector<std::pair<std::string, std::string>>{{"Content-Type", "application/json"},
                                                                      {"X-Empty", ""}});
  CHECK(accepted({"call", "-H", "A: b", "demo/echo"}).function == "demo/echo");
  CHECK(accepted({"recycle", "0123abc"}).function == "0123abc");
}

TEST_CASE("help and version are answered") {
  for (const auto& args : {std::vector<const char*>{"--help"}, std::vector<const char*>{"call", "--help"},
                           std::vector<const char*>{"-h"}, std::vector<const char*>{"watch", "-h"},
                           std::vector<const char*>{"help"}, std::vector<const char*>{"help", "watch"}}) {
    const auto parsed = parse(args);
    REQUIRE(std::holds_alternative<early_exit>(parsed));
    CHECK(std::get<early_exit>(parsed).code == 0);
    CHECK(std::get<early_exit>(parsed).out.find("Usage: hotslotctl") != std::string::npos);
  }
  const auto help = [](std::vector<const char*> args) {
    return std::get<early_exit>(parse(std::move(args))).out;
  };
  CHECK(help({"help"}) == help({"--help"}));
  CHECK(help({"help", "watch"}) == help({"watch", "-h"}));
  CHECK(help({"help", "watch"}).find("--interval") != std::string::npos);
  CHECK(std::get<early_exit>(parse({"--version"})).out == "hotslotctl " HOTSLOT_VERSION "\n");
}

TEST_CASE("a bad command line ends with code 2 and names what is wrong") {
  struct row {
    std::vector<const char*> args;
    const char* named;
  };
  const std::vector<row> table{
      {{}, "subcommand"},
      {{"dance"}, "dance"},
      {{"help", "dance"}, "dance"},
      {{"list", "stray"}, "stray"},
      {{"list", "drain"}, "drain"},
      {{"list", "--bogus"}, "--bogus"},
      {{"list", "-d", "x"}, "-d"},
      {{"drain", "--match", "x"}, "--match"},
      {{"call"}, "APP/FN"},
      {{"call", "/x"}, "APP/FN"},
      {{"call", "a/"}, "APP/FN"},
      {{"call", "a/b/c"}, "APP/FN"},
      {{"recycle"}, "APP/FN"},
      {{"call", "a/b", "-H", "no colon"}, "--header"},
      {{"call", "a/b", "-H", "bad name: x"}, "--header"},
      {{"call", "a/b", "-H", "A: b\nC: d"}, "--header"},
      {{"watch", "--interval", "0"}, "--interval"},
      {{"watch", "--interval", "61"}, "--interval"},
      {{"list", "--timeout", "0"}, "--timeout"},
      {{"list", "--admin", "127.0.0.1:8081"}, "--admin"},
      {{"list", "--cert", "c.pem"}, "--cert"},
      {{"list", "--key", "c.pem"}, "--key"},
  };
  for (const auto& bad : table) {
    const auto parsed = parse(bad.args);
    REQUIRE(std::holds_alternative<early_exit>(parsed));
    const auto& e = std::get<early_exit>(parsed);
    CHECK(e.code == 2);
    INFO(e.err);
    CHECK(e.err.find(bad.named) != std::string::npos);
    CHECK(e.out.empty());
  }
}
