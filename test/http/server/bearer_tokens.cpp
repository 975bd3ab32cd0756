// Tokens, their file, and the requests that bear them.
#include <hotslot/http/bearer_tokens.hpp>

#include "catch.hpp"
#include "certificates.hpp"
#include "served.hpp"

#include <boost/json.hpp>

using namespace hotslot;
using namespace hotslot::http;
using Catch::Matchers::ContainsSubstring;
using test::certificates;
using test::served;

namespace {

// `certificates` has a directory that goes away.
class token_file {
 public:
  explicit token_file(const std::string& text) { write(text); }
  void write(const std::string& text) { in_.write("tokens", text); }
  std::filesystem::path path() const { return in_.path("tokens"); }

 private:
  certificates in_;
};

request bearing(const std::string& credentials) {
  request req(verb::get, "/", 11);
  if (!credentials.empty())
    req.set(field::authorization, credentials);
  return req;
}

std::string why_refused(const std::filesystem::path& file) {
  try {
    bearer_tokens{file};
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return {};
}

} // namespace

TEST_CASE("who bears a token is admitted, and the handler does not see it") {
  const token_file file("# for scrapers\nfirst-token\n\n  second~token== \r\n");
  const bearer_tokens tokens(file.path());
  for (const char* good : {"Bearer first-token", "bearer  second~token==", "BEARER first-token ",
                           "Basic YWRtaW46Zmlyc3QtdG9rZW4=", "basic OmZpcnN0LXRva2Vu"}) {
    INFO(good);
    auto req = bearing(good);
    CHECK_FALSE(tokens.admit(req));
    CHECK(req.count(field::authorization) == 0);
  }
}

TEST_CASE("a token may be for reading only") {
  const token_file file("all\nsome read\nmore \t read \n");
  const bearer_tokens tokens(file.path());
  for (const auto& [token, method, answer] : {std::tuple("all", verb::post, 0u),
                                              {"some", verb::get, 0u},
                                              {"more", verb::head, 0u},
                                              {"some", verb::options, 0u},
                                              {"some", verb::post, 403u},
                                              {"more", verb::delete_, 403u},
                                              {"none", verb::get, 401u}}) {
    auto req = bearing(std::string("Bearer ") + token);
    req.method(method);
    const auto refused = tokens.admit(req);
    CAPTURE(token, answer);
    CHECK((refused ? refused->result_int() : 0) == answer);
  }
  const token_file wrong("a\nb write\n");
  CHECK_THAT(why_refused(wrong.path()),
             ContainsSubstring("line 2 has behind its token what is not \"read\""));
}

TEST_CASE("who bears none is told how") {
  const token_file file("first-token\n");
  const bearer_tokens tokens(file.path());
  for (const char* bad : {"", "Bearer", "Bearer ", "Bearer first-toke", "Bearer first-tokenn",
                          "Bearer first-token x", "first-token", "Basic first-token",
                          "Basic Zmlyc3QtdG9rZW4=", "Basic YW55Om9uZTpmaXJzdC10b2tlbg==", "Basic !!!!",
                          "Basic =", "Basic ====", "Digest first-token"}) {
    INFO(bad);
    auto req = bearing(bad);
    const auto refusal = tokens.admit(req);
    REQUIRE(refusal);
    CHECK(refusal->result() == status::unauthorized);
    CHECK(refusal->count(field::www_authenticate) == 2);
  }
  auto twice = bearing("Bearer first-token");
  twice.insert(field::authorization, "Bearer first-token");
  CHECK(tokens.admit(twice));
}

TEST_CASE("tokens are read again") {
  token_file file("old\n");
  bearer_tokens tokens(file.path());
  file.write("new\n");
  CHECK(tokens.has("old"));
  tokens.reload();
  CHECK(tokens.has("new"));
  CHECK_FALSE(tokens.has("old"));
  file.write("bad token\n");
  CHECK_THROWS_AS(tokens.reload(), std::runtime_error);
  CHECK(tokens.has("new"));
}

TEST_CASE("a file that cannot be used is refused by name") {
  const token_file file("good\nnot good\n");
  CHECK_THAT(why_refused(file.path()), ContainsSubstring("tokens as a file of tokens: line 2 "));
  CHECK_THAT(why_refused(file.path().parent_path()), ContainsSubstring("it is a directory"));
  CHECK_THAT(why_refused(file.path().parent_path() / "nothing"), ContainsSubstring("No such file"));
  CHECK_THAT(why_refused(token_file("# none\n\n").path()), ContainsSubstring("there is no token in it"));
}

TEST_CASE("a server refuses before it asks for the body") {
  const token_file file("token\n");
  const auto tokens = std::make_shared<bearer_tokens>(file.path());
  server_options options;
  options.admit = [tokens](request& head) { return tokens->admit(head); };
  served s(options);
  auto c = s.connect();
  SECTION("without one") {
    const auto res =
        c.call("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n");
    CHECK(res.result() == status::unauthorized);
    CHECK(res[field::connection] == "close");
    CHECK(s.happened.count("/echo") == 0);
  }
  SECTION("with one") {
    const auto res = c.call(
        "POST /echo HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer token\r\nContent-Length: 2\r\n\r\nhi");
    CHECK(res.body() == "hi");
    c.send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(c.read().result() == status::unauthorized); // each request needs it
  }
}
