#include "daemon/service/options.hpp"

#include "catch.hpp"

#include <hotslot/version.hpp>

#include <vector>

namespace {

using namespace hotslot::daemon;

std::variant<options, early_exit> parse(std::vector<const char*> args) {
  args.insert(args.begin(), "hotslotd");
  return parse_options(static_cast<int>(args.size()), args.data());
}

options accepted(std::vector<const char*> args) {
  auto parsed = parse(std::move(args));
  if (const auto* e = std::get_if<early_exit>(&parsed))
    FAIL(e->err);
  return std::get<options>(parsed);
}

early_exit ended(std::vector<const char*> args) {
  auto parsed = parse(std::move(args));
  REQUIRE(std::holds_alternative<early_exit>(parsed));
  return std::get<early_exit>(parsed);
}

TEST_CASE("the configuration is enough") {
  const auto o = accepted({"--config", "a.json"});
  CHECK(o.config_file == "a.json");
  CHECK(o.listen.empty());
  CHECK(o.admin.empty());
  CHECK(o.threads == 0);
  CHECK(o.level == log_level::info);
  CHECK_FALSE(o.check_config);
}

TEST_CASE("every option is taken") {
  const auto o =
      accepted({"--config=a.json", "--listen", "0.0.0.0:1", "--admin=[::1]:2", "--threads", "3",
                "--log-level", "off", "--listen=127.0.0.1:3", "--admin", "unix:a.sock", "--check-config"});
  REQUIRE(o.listen.size() == 2);
  REQUIRE(o.admin.size() == 2);
  CHECK(to_string(o.listen[0]) == "0.0.0.0:1");
  CHECK(to_string(o.listen[1]) == "127.0.0.1:3");
  CHECK(to_string(o.admin[0]) == "[::1]:2");
  CHECK(to_string(o.admin[1]) == "unix:" + std::filesystem::absolute("a.sock").native());
  CHECK(o.threads == 3);
  CHECK(o.level == log_level::off);
  CHECK(o.check_config);
}

TEST_CASE("help and version are answered, whatever is missing") {
  const auto help = ended({"--help"});
  CHECK(help.code == 0);
  for (const char* flag : {"--config FILE", "--listen ADDRESS", "--admin ADDRESS", "--threads N",
                           "--log-level LEVEL", "--check-config", "--version", "--help"})
    CHECK(help.out.find(flag) != std::string::npos);
  CHECK(help.err.empty());

  const auto version = ended({"--version"});
  CHECK(version.code == 0);
  CHECK(version.out == "hotslotd " HOTSLOT_VERSION "\n");
}

struct bad_line {
  std::vector<const char*> args;
  const char* named;
};

TEST_CASE("a bad command line ends with code 2 and names the option") {
  const std::vector<bad_line> table{
      {{}, "--config"},
      {{"--config"}, "--config"},
      {{"--config", "a", "--bogus"}, "--bogus"},
      {{"--config", "a", "stray"}, "stray"},
      {{"--config", "a", "--config", "b"}, "--config"},
      {{"--config", "a", "--listen", "8080"}, "--listen"},
      {{"--config", "a", "--listen", "127.0.0.1:1", "127.0.0.1:2"}, "127.0.0.1:2"},
      {{"--config", "a", "--listen", "unix:"}, "--listen"},
      {{"--config", "a", "--listen", "localhost:80"}, "--listen"},
      {{"--config", "a", "--admin", "::1:80"}, "--admin"},
      {{"--config", "a", "--threads", "0"}, "--threads"},
      {{"--config", "a", "--threads", "1025"}, "--threads"},
      {{"--config", "a", "--threads", "many"}, "--threads"},
      {{"--config", "a", "--threads", "99999999999999999999"}, "--threads"},
      {{"--config", "a", "--threads", "-1"}, "--threads"},
      {{"--config", "a", "--log-level", "loud"}, "--log-level"},
  };
  for (const auto& bad : table) {
    const auto e = ended(bad.args);
    CHECK(e.code == 2);
    INFO(e.err);
    CHECK(e.err.find(bad.named) != std::string::npos);
    CHECK(e.out.empty());
  }
}

} // namespace
