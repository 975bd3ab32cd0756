#include "client.hpp"

#include "failure.hpp"
#include "token_file.hpp"
#include "wire.hpp"

#include "base/bounded_parser.hpp"

#include <hotslot/version.hpp>

#include <boost/asio/this_coro.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/write.hpp>

#include <openssl/ssl.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <sstream>

namespace hotslot::ctl {

namespace beast = boost::beast;
namespace ssl = asio::ssl;
using boost::system::error_code;
using boost::system::system_error;

namespace {

constexpr std::chrono::milliseconds default_timeout{10'000};
constexpr std::uint32_t longest_head = 64 * 1024;
constexpr std::size_t largest_read = 64 * 1024;

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

using reply_parser = http::response_parser<http::string_body>;

// Throws `system_error` where it is no reply.
void parse(beast::flat_buffer& buffer, reply_parser& parser) {
  error_code ec;
  if (buffer.size() != 0)
    buffer.consume(base::put(parser, buffer.data(), http::error::header_limit, ec));
  if (ec && ec != http::error::need_more)
    throw system_error(ec);
}

// Reads some, and parses it.
asio::awaitable<void> receive(wire& from, beast::flat_buffer& buffer, reply_parser& parser) {
  auto [ec, n] = co_await from.read_some(buffer.prepare(largest_read));
  buffer.commit(n);
  if (ec == asio::error::eof && parser.got_some())
    parser.put_eof(ec);
  else if (ec == asio::error::eof)
    ec = http::error::end_of_stream;
  if (ec)
    throw system_error(ec);
  parse(buffer, parser);
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

// As it goes over the wire.
std::string client::text_of(const request& r) {
  std::ostringstream out;
  out << r.base();
  return out.str() + r.body();
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
  wire to(co_await asio::this_coro::executor, admin_, tls_);
  to.limit(timeout_);
  co_await to.connect();
  const std::string sent = text_of(make_request(what));
  to.limit(what.patience);
  // A server that refuses early may close before it has read everything; its answer says why.
  const auto not_sent = co_await to.write(sent);
  if (not_sent == beast::error::timeout || not_sent == asio::error::operation_aborted)
    throw system_error(not_sent);
  co_await take_reply(to, what);
}

asio::awaitable<void> client::take_reply(wire& from, const inquiry& what) {
  beast::flat_buffer buffer;
  std::optional<reply_parser> parser;
  from.limit(what.patience);
  do { // what comes before the answer proper, as 100 Continue, is nobody's concern
    parser.emplace();
    parser->body_limit(boost::none);
    parser->header_limit(longest_head);
    parse(buffer, *parser);
    while (!parser->is_header_done())
      co_await receive(from, buffer, *parser);
  } while (parser->get().result_int() < 200);
  what.on_head(parser->get().base());
  parser->eager(true);
  if (!parser->is_done())
    parse(buffer, *parser);
  for (;;) {
    if (std::string piece; piece.swap(parser->get().body()), !piece.empty())
      what.on_piece(piece);
    if (parser->is_done())
      co_return;
    from.limit(what.patience);
    co_await receive(from, buffer, *parser);
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
