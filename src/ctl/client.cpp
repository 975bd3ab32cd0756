#include "client.hpp"

#include "failure.hpp"
#include "token_file.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <tuple>

namespace hotslot::ctl {

namespace beast = boost::beast;
namespace ssl = asio::ssl;
using asio::ip::tcp;
using boost::system::error_code;
using boost::system::system_error;

namespace {

constexpr std::chrono::milliseconds default_timeout{10'000};
constexpr std::uint32_t longest_head = 64 * 1024;
constexpr auto as_tuple = asio::as_tuple(asio::use_awaitable);

void check(const error_code& ec, const std::filesystem::path& file, std::string_view what) {
  if (ec)
    throw failure(exit_code::usage, std::string("cannot use ")
                                        .append(file.native())
                                        .append(" as the ")
                                        .append(what)
                                        .append(": ")
                                        .append(ec.message()));
}

ssl::context make_tls(const options& how) {
  ssl::context tls(ssl::context::tls_client);
  tls.set_verify_mode(ssl::verify_peer);
  SSL_CTX_set_min_proto_version(tls.native_handle(), TLS1_2_VERSION);
  error_code ec;
  if (how.authority.empty())
    tls.set_default_verify_paths(ec);
  else
    tls.load_verify_file(how.authority, ec);
  check(ec, how.authority, "certificate of who signs the server's");
  if (how.certificate.empty())
    return tls;
  tls.use_certificate_chain_file(how.certificate, ec);
  check(ec, how.certificate, "certificate");
  tls.use_private_key_file(how.key, ssl::context::pem, ec);
  check(ec, how.key, "certificate's key");
  return tls;
}

void limit(beast::tcp_stream& stream, std::chrono::milliseconds patience) {
  if (patience.count() != 0)
    stream.expires_after(patience);
  else
    stream.expires_never();
}

bool is_address(const std::string& host) {
  error_code ec;
  asio::ip::make_address(host, ec);
  return !ec;
}

std::string describe(const error_code& ec) {
  return ec == beast::error::timeout ? "no answer in time" : ec.message();
}

// Not Asio's host_name_verification, after which nobody could tell that it was the name.
void expect_host(SSL* session, const std::string& host) {
  if (is_address(host)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), host.c_str());
    return;
  }
  SSL_set_tlsext_host_name(session, host.c_str());
  SSL_set1_host(session, host.c_str());
}

// OpenSSL's own error only says that the certificate is not right.
std::string describe_handshake(const error_code& ec, SSL* session) {
  const long verified = SSL_get_verify_result(session);
  return verified == X509_V_OK ? describe(ec)
                               : std::string("its certificate is not to be trusted: ") +
                                     X509_verify_cert_error_string(verified);
}

} // namespace

client::client(const options& how)
  : admin_(how.admin)
  , timeout_(how.timeout.value_or(default_timeout))
  , token_(how.token_file.empty() ? "" : read_token(how.token_file))
  , tls_(make_tls(how)) {}

client::request client::make_request(const inquiry& what) const {
  request r(what.method, admin_.prefix + what.target, 11, what.body);
  r.set(http::field::user_agent, "hotslotctl/" HOTSLOT_VERSION);
  for (const auto& [name, value] : what.headers)
    r.insert(name, value);
  r.set(http::field::host, admin_.authority());
  if (!token_.empty())
    r.set(http::field::authorization, "Bearer " + token_);
  r.keep_alive(false);
  r.prepare_payload();
  return r;
}

asio::awaitable<void> client::ask(const inquiry& what) {
  std::string wrong;
  try {
    co_return co_await exchange(what);
  } catch (const system_error& e) {
    if (e.code() == asio::error::operation_aborted)
      throw;
    wrong = describe(e.code());
  }
  throw failure(exit_code::unreachable, admin_.url() + ": " + wrong);
}

asio::awaitable<void> client::exchange(const inquiry& what) {
  const auto executor = co_await asio::this_coro::executor;
  tcp::resolver resolver(executor);
  const auto found = co_await resolver.async_resolve(admin_.host, admin_.port, asio::use_awaitable);
  if (!admin_.tls) {
    beast::tcp_stream stream(executor);
    limit(stream, timeout_);
    co_await stream.async_connect(found, asio::use_awaitable);
    co_return co_await exchange_over(stream, what);
  }
  ssl::stream<beast::tcp_stream> stream(executor, tls_);
  expect_host(stream.native_handle(), admin_.host);
  limit(stream.next_layer(), timeout_);
  co_await stream.next_layer().async_connect(found, asio::use_awaitable);
  const auto [ec] = co_await stream.async_handshake(ssl::stream_base::client, as_tuple);
  if (ec && ec != asio::error::operation_aborted)
    throw failure(exit_code::unreachable,
                  admin_.url() + ": " + describe_handshake(ec, stream.native_handle()));
  if (ec)
    throw system_error(ec);
  co_await exchange_over(stream, what);
}

template <class Stream>
asio::awaitable<void> client::exchange_over(Stream& stream, const inquiry& what) {
  auto& below = beast::get_lowest_layer(stream);
  const request sent = make_request(what);
  limit(below, what.patience);
  // A server that refuses early may close before it has read everything; its answer says why.
  const auto [not_sent, size] = co_await http::async_write(stream, sent, as_tuple);
  if (not_sent == beast::error::timeout || not_sent == asio::error::operation_aborted)
    throw system_error(not_sent);
  beast::flat_buffer buffer;
  std::optional<http::response_parser<http::buffer_body>> parser;
  do { // what comes before the answer proper, as 100 Continue, is nobody's concern
    parser.emplace();
    parser->body_limit(boost::none);
    parser->header_limit(longest_head);
    limit(below, what.patience);
    co_await http::async_read_header(stream, buffer, *parser, asio::use_awaitable);
  } while (parser->get().result_int() < 200);
  what.on_head(parser->get().base());
  std::array<char, 64 * 1024> bytes;
  while (!parser->is_done()) {
    auto& body = parser->get().body();
    body.data = bytes.data();
    body.size = bytes.size();
    limit(below, what.patience);
    const auto [ec, n] = co_await http::async_read_some(stream, buffer, *parser, as_tuple);
    if (ec && ec != http::error::need_buffer)
      throw system_error(ec);
    what.on_piece({bytes.data(), bytes.size() - body.size});
  }
}

asio::awaitable<reply> client::fetch(http::verb method, std::string target) {
  constexpr std::size_t longest = 256u << 20;
  reply all;
  inquiry what{.method = method, .target = std::move(target), .patience = timeout_};
  what.on_head = [&all](const reply_head& head) {
    all.status = head.result_int();
    all.reason = std::string(head.reason());
  };
  what.on_piece = [&](std::string_view piece) {
    all.body.append(piece);
    if (all.body.size() > longest)
      throw failure(exit_code::unreachable, admin_.url() + ": the answer is too long");
  };
  co_await ask(what);
  co_return all;
}

} // namespace hotslot::ctl
