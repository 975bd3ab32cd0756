// HTTP over TLS, and who is turned away.
#include <hotslot/http/tls.hpp>

#include "catch.hpp"
#include "certificates.hpp"
#include "served.hpp"

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/http/write.hpp>

#include <fstream>
#include <optional>

using namespace hotslot;
using namespace hotslot::http;
using namespace std::chrono_literals;
namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
using Catch::Matchers::ContainsSubstring;
using test::certificates;
using test::served;

namespace {

tls_files files_of(const certificates& c) {
  return {.certificate = c.path("server.pem"), .key = c.path("server.key"), .client_ca = {}};
}

server_options with_tls(const tls_files& files) {
  server_options options;
  options.tls = std::make_shared<tls_credentials>(files);
  return options;
}

// A caller over TLS who trusts the authority of the test, and no other.
class tls_client {
 public:
  explicit tls_client(const certificates& c) {
    context_.load_verify_file(c.path("ca.pem").native());
    context_.set_verify_mode(ssl::verify_peer);
  }

  ssl::context& context() { return context_; }

  /// Asks for `name`, unless it is empty.
  void connect(const asio::ip::tcp::endpoint& to, const std::string& name = {}) {
    stream_.emplace(io_, context_);
    if (!name.empty())
      SSL_set_tlsext_host_name(native_handle(), name.c_str());
    stream_->next_layer().connect(to);
    const timeval patience{20, 0};
    setsockopt(stream_->next_layer().native_handle(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    stream_->handshake(ssl::stream_base::client);
  }

  void send(const std::string& bytes) { asio::write(*stream_, asio::buffer(bytes)); }
  void get(const std::string& target) { send("GET " + target + " HTTP/1.1\r\nHost: h\r\n\r\n"); }

  test::client::response read() {
    boost::beast::http::response_parser<boost::beast::http::string_body> parser;
    parser.body_limit(boost::none);
    boost::beast::http::read(*stream_, buffer_, parser);
    return parser.release();
  }

  /// How the server ends the connection.
  boost::system::error_code end() {
    char room[1];
    boost::system::error_code ec;
    stream_->read_some(asio::buffer(room), ec);
    return ec;
  }

  SSL* native_handle() { return stream_->native_handle(); }
  std::string subject() {
    X509* cert = SSL_get1_peer_certificate(native_handle());
    char name[256] = "";
    X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, name, sizeof name);
    X509_free(cert);
    return name;
  }

 private:
  asio::io_context io_;
  ssl::context context_{ssl::context::tls_client};
  std::optional<ssl::stream<asio::ip::tcp::socket>> stream_;
  boost::beast::flat_buffer buffer_;
};

// What a handshake or the first call after it fails with; with TLS 1.3 a client learns of its refusal only
// then.
bool is_refused(tls_client& c, const served& s, const std::string& name = {}) {
  try {
    c.connect(s.endpoint(), name);
    c.get("/hello");
    c.read();
  } catch (const boost::system::system_error&) {
    return true;
  }
  return false;
}

std::string why_refused(const tls_files& files) {
  try {
    tls_credentials{files};
  } catch (const tls_error& e) {
    return e.what();
  }
  return {};
}

} // namespace

TEST_CASE("calls over TLS") {
  const certificates made;
  served s(with_tls(files_of(made)), GENERATE(1, 2));
  tls_client c(made);
  c.connect(s.endpoint());
  CHECK(c.subject() == "localhost");
  SECTION("one after the other") {
    for (int i = 0; i < 3; ++i) {
      c.get("/hello");
      CHECK(c.read().body() == "hello");
    }
  }
  SECTION("pipelined, with bodies") {
    const std::string body(100'000, 'b');
    const auto post = "POST /size HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n" + body;
    c.send(post + post);
    CHECK(c.read().body() == "100000");
    CHECK(c.read().body() == "100000");
  }
  SECTION("with a long answer") {
    c.get("/big");
    CHECK(c.read().body().size() == test::big_answer);
  }
  SECTION("in pieces") {
    c.get("/pieces");
    CHECK(c.read().body() == "one,two");
    c.get("/hello");
    CHECK(c.read().body() == "hello");
  }
}

TEST_CASE("the end of a connection over TLS is said") {
  const certificates made;
  served s(with_tls(files_of(made)));
  tls_client c(made);
  c.connect(s.endpoint());
  c.send("GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  CHECK(c.read().body() == "hello");
  CHECK(c.end() == asio::error::eof); // and not stream_truncated
}

TEST_CASE("a caller over TLS that goes away cancels its handler") {
  const certificates made;
  served s(with_tls(files_of(made)));
  auto c = std::make_unique<tls_client>(made);
  c->connect(s.endpoint());
  c->get("/wait");
  REQUIRE(s.happened.wait("/wait"));
  c.reset();
  CHECK(s.happened.wait("abandoned"));
}

TEST_CASE("a handshake that does not come, or is none, ends") {
  const certificates made;
  auto options = with_tls(files_of(made));
  options.limits.header_timeout = 50ms;
  served s(options);
  auto c = s.connect();
  SECTION("silence") {}
  SECTION("plain HTTP") { c.get("/hello"); }
  SECTION("garbage") { c.send(std::string(1000, '\x16')); }
  boost::system::error_code ec;
  c.rest(ec);
  CHECK(ec);
  CHECK(s.happened.count("/hello") == 0);
  while (s.server().connections() != 0)
    std::this_thread::yield();
}

TEST_CASE("TLS before 1.2 and weak ciphers are refused") {
  const certificates made;
  served s(with_tls(files_of(made)));
  tls_client c(made);
  SSL_CTX* context = c.context().native_handle();
  SSL_CTX_set_security_level(context, 0);
  const auto limit = [&](int version) {
    SSL_CTX_set_min_proto_version(context, version);
    SSL_CTX_set_max_proto_version(context, version);
  };
  for (int version : {TLS1_VERSION, TLS1_1_VERSION}) {
    limit(version);
    CHECK(is_refused(c, s));
  }
  for (int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    limit(version);
    CHECK_FALSE(is_refused(c, s));
    CHECK(SSL_version(c.native_handle()) == version);
  }
  limit(TLS1_2_VERSION);
  for (const char* weak :
       {"ECDHE-ECDSA-AES128-SHA", "AES128-GCM-SHA256", "NULL", "DHE", "ECDHE-ECDSA-AES256-SHA384"}) {
    INFO(weak);
    SSL_CTX_set_cipher_list(context, weak);
    CHECK(is_refused(c, s));
  }
}

TEST_CASE("only HTTP/1.1 is spoken") {
  const certificates made;
  served s(with_tls(files_of(made)));
  tls_client c(made);
  SECTION("which is chosen") {
    SSL_CTX_set_alpn_protos(c.context().native_handle(),
                            reinterpret_cast<const unsigned char*>("\x02h2\x08http/1.1"), 12);
    c.connect(s.endpoint());
    const unsigned char* chosen = nullptr;
    unsigned int size = 0;
    SSL_get0_alpn_selected(c.native_handle(), &chosen, &size);
    CHECK(std::string_view(reinterpret_cast<const char*>(chosen), size) == "http/1.1");
  }
  SECTION("and needed") {
    SSL_CTX_set_alpn_protos(c.context().native_handle(), reinterpret_cast<const unsigned char*>("\x02h2"), 3);
    CHECK(is_refused(c, s));
  }
}

TEST_CASE("where callers need certificates, those of the authority are let in") {
  const certificates made;
  const certificates other;
  auto files = files_of(made);
  files.client_ca = made.path("ca.pem");
  served s(with_tls(files));
  tls_client c(made);
  const auto present = [&](const certificates& of) {
    c.context().use_certificate_chain_file(of.path("client.pem").native());
    c.context().use_private_key_file(of.path("client.key").native(), ssl::context::pem);
  };
  CHECK(is_refused(c, s));
  present(other);
  CHECK(is_refused(c, s));
  present(made);
  CHECK_FALSE(is_refused(c, s));
}

TEST_CASE("new connections get the new certificate, and open ones go on") {
  certificates made;
  const auto credentials = std::make_shared<tls_credentials>(files_of(made));
  server_options options;
  options.tls = credentials;
  served s(options);
  tls_client before(made);
  before.connect(s.endpoint());
  made.issue("server", "renewed");
  credentials->reload();
  tls_client after(made);
  after.connect(s.endpoint());
  CHECK(after.subject() == "renewed");
  before.get("/hello");
  CHECK(before.read().body() == "hello");
  CHECK(before.subject() == "localhost");

  made.write("server.pem", "no certificate");
  CHECK_THROWS_AS(credentials->reload(), tls_error);
  tls_client still(made);
  still.connect(s.endpoint());
  CHECK(still.subject() == "renewed");
}

TEST_CASE("what cannot be used is refused by name") {
  const certificates made;
  auto files = files_of(made);
  CHECK(why_refused(files).empty());
  SECTION("no file") {
    files.certificate = made.path("nothing.pem");
    CHECK_THAT(why_refused(files), ContainsSubstring("nothing.pem as the certificate: No such file"));
  }
  SECTION("no certificate") {
    made.write("server.pem", "text");
    CHECK_THAT(why_refused(files), ContainsSubstring("server.pem as the certificate: no start line"));
  }
  SECTION("no key") {
    files.key = made.path("ca.pem");
    CHECK_THAT(why_refused(files), ContainsSubstring("ca.pem as the certificate's key: "));
  }
  SECTION("another one's key") {
    files.key = made.path("client.key");
    CHECK_THAT(why_refused(files),
               ContainsSubstring("client.key as the certificate's key: key values mismatch"));
  }
  SECTION("no authority") {
    files.client_ca = made.path("server.key");
    CHECK_THAT(why_refused(files), ContainsSubstring("server.key as the certificate of those"));
  }
}

TEST_CASE("the certificate is that of the name that is asked for") {
  certificates made;
  made.issue("a", "a", "DNS:a.example.org,DNS:both.example.org");
  made.issue("b", "b", "DNS:*.b.example.org,DNS:both.example.org");
  auto files = files_of(made);
  files.more = {{made.path("a.pem"), made.path("a.key")}, {made.path("b.pem"), made.path("b.key")}};
  const bool asks_callers = GENERATE(false, true);
  if (asks_callers)
    files.client_ca = made.path("ca.pem");
  served s(with_tls(files));
  struct row {
    std::string name, subject;
  };
  for (const auto& [name, subject] :
       {row{"a.example.org", "a"}, row{"A.Example.ORG", "a"}, row{"x.b.example.org", "b"},
        row{"both.example.org", "a"}, row{"localhost", "localhost"}, row{"other.example.org", "localhost"},
        row{"x.y.b.example.org", "localhost"}, row{"", "localhost"}}) {
    CAPTURE(name, asks_callers);
    tls_client stranger(made);
    tls_client c(made);
    if (asks_callers) {
      c.context().use_certificate_file(made.path("client.pem").native(), ssl::context::pem);
      c.context().use_private_key_file(made.path("client.key").native(), ssl::context::pem);
    }
    c.connect(s.endpoint(), name);
    CHECK(c.subject() == subject);
    c.get("/hello");
    CHECK(c.read().body() == "hello");
    CHECK(is_refused(stranger, s, name) == asks_callers);
  }
}

TEST_CASE("of several certificates, a handshake keeps those that it began with") {
  certificates made;
  made.issue("a", "a", "DNS:a.example.org");
  auto files = files_of(made);
  files.more = {{made.path("a.pem"), made.path("a.key")}};
  server_options options;
  const auto credentials = std::make_shared<tls_credentials>(files);
  options.tls = credentials;
  served s(options, 2);
  std::atomic<bool> done = false;
  std::thread reloading([&] {
    while (!done)
      credentials->reload();
  });
  for (int i = 0; i < 50; ++i) {
    tls_client c(made);
    c.connect(s.endpoint(), "a.example.org");
    CHECK(c.subject() == "a");
  }
  done = true;
  reloading.join();
}

TEST_CASE("of several certificates, each is checked, and tells its end") {
  certificates made;
  made.issue("a", "a", "DNS:a.example.org", 2);
  auto files = files_of(made);
  const auto alone = tls_credentials(files).certificates();
  REQUIRE(alone.size() == 1);
  files.more = {{made.path("a.pem"), made.path("a.key")}};
  tls_credentials two(files);
  const auto both = two.certificates();
  REQUIRE(both.size() == 2);
  CHECK(both[0].file == made.path("server.pem"));
  CHECK(both[0].expires == alone[0].expires);
  CHECK(both[1].file == made.path("a.pem"));
  CHECK(both[1].expires < alone[0].expires - 20h);
  CHECK(two.is_in_force(two.read()));
  made.issue("a", "a", "DNS:a.example.org");
  const auto fresh = two.read();
  CHECK_FALSE(two.is_in_force(fresh));
  two.exchange(fresh);
  CHECK(two.is_in_force(fresh));
  files.more.push_back({made.path("a.pem"), made.path("server.key")});
  CHECK_THAT(why_refused(files), ContainsSubstring("server.key as the certificate's key"));
}

TEST_CASE("a caller that closes without a word is not waited for", "[tls]") {
  const certificates made;
  auto options = with_tls(files_of(made));
  options.limits.linger_timeout = std::chrono::hours(1);
  served s(options);
  {
    tls_client c(made);
    c.connect(s.endpoint());
    c.send("GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    CHECK(c.read().body() == "hello");
  }
  while (s.server().connections() != 0)
    std::this_thread::yield();
}
