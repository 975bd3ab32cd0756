#include "daemon/service/admission.hpp"

#include "catch.hpp"

#include <unistd.h>

#include <string>

namespace http = hotslot::http;
using hotslot::daemon::admission;
using hotslot::daemon::listener_config;

namespace admission_test {

unsigned answer(const admission& at, const std::string& host, const std::string& target = "/stats",
                http::verb method = http::verb::get) {
  http::request head(method, target, 11);
  head.set(http::field::host, host);
  const auto refused = at.refuse(head);
  return refused ? refused->result_int() : 0;
}

} // namespace admission_test

TEST_CASE("without tokens, Host has to be what nobody outside can have chosen") {
  using admission_test::answer;
  listener_config c;
  c.hosts = {"ops.example.org"};
  const admission at(c, nullptr, false);
  std::string machine(256, '\0');
  REQUIRE(::gethostname(machine.data(), machine.size()) == 0);
  machine.resize(machine.find('\0'));
  for (const std::string host :
       {"localhost", "LocalHost:8081", "a.localhost", "127.0.0.1:8081", "[::1]:8081", "10.1.2.3",
        "hotslot:8081", "ops.example.org", "OPS.example.org:80", machine.c_str()})
    CHECK(answer(at, host) == 0);
  for (const char* host : {"rebound.example.org", "localhost.example.org", "127.0.0.1.example.org",
                           "ops.example.org.evil", "x.ylocalhost"}) {
    CAPTURE(host);
    CHECK(answer(at, host) == 421);
  }
  CHECK(at.refused_by_host() == 5);
  CHECK(answer(admission(c, nullptr, true), "rebound.example.org") == 0); // callers show a certificate
}

TEST_CASE("probes are for everybody where they are asked for") {
  using admission_test::answer;
  listener_config c;
  CHECK(answer(admission(c, nullptr, false), "x.example.org", "/healthz") == 421);
  c.probes = true;
  const admission at(c, nullptr, false);
  CHECK(answer(at, "x.example.org", "/healthz") == 0);
  CHECK(answer(at, "x.example.org", "/readyz?verbose", http::verb::head) == 0);
  CHECK(answer(at, "x.example.org", "/healthz", http::verb::post) == 421);
  CHECK(answer(at, "x.example.org", "/healthz/x") == 421);
  CHECK(answer(at, "x.example.org", "/stats") == 421);
}
