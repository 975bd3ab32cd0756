#include "wire.hpp"

#include "failure.hpp"
#include "look_up.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <sys/socket.h>

#include <cerrno>
#include <vector>

namespace hotslot::ctl {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr auto as_tuple = asio::as_tuple(asio::use_awaitable);

bool is_address(const std::string& host) {
  error_code ec;
  asio::ip::make_address(host, ec);
  return !ec;
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

std::string describe(const error_code& ec) {
  return ec == boost::beast::error::timeout ? "no answer in time" : ec.message();
}

wire::wire(const asio::any_io_executor& executor, const admin_address& to, asio::ssl::context& tls)
  : to_(to)
  , stream_(executor, tls) {}

void wire::limit(std::chrono::milliseconds patience) {
  patience_ = patience;
  if (patience.count() != 0)
    stream_.next_layer().expires_after(patience);
  else
    stream_.next_layer().expires_never();
}

asio::awaitable<void> wire::connect() {
  if (!to_.socket.empty())
    co_return co_await connect_to_socket();
  auto names = system_names(to_.host, to_.port);
  const auto found = co_await look_up(std::move(names), patience_);
  std::vector<asio::generic::stream_protocol::endpoint> all;
  for (const auto& one : found)
    all.emplace_back(one.endpoint());
  co_await stream_.next_layer().async_connect(all, asio::use_awaitable);
  if (to_.tls)
    co_await shake_hands();
}

// Where too many wait to be let in, the system says at once that it would block, which Asio takes for "under
// way".
asio::awaitable<void> wire::connect_to_socket() {
  constexpr std::chrono::milliseconds pause{20};
  const auto began = std::chrono::steady_clock::now();
  const asio::local::stream_protocol::endpoint at(to_.socket);
  auto& socket = stream_.next_layer().socket();
  socket.open(at.protocol());
  socket.non_blocking(true);
  asio::steady_timer timer(co_await asio::this_coro::executor);
  while (::connect(socket.native_handle(), at.data(), static_cast<socklen_t>(at.size())) != 0) {
    const error_code ec(errno, boost::system::system_category());
    if (ec != asio::error::would_block && ec != asio::error::try_again)
      throw boost::system::system_error(ec);
    if (patience_.count() != 0 && std::chrono::steady_clock::now() - began > patience_)
      throw boost::system::system_error(boost::beast::error::timeout);
    timer.expires_after(pause);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

asio::awaitable<void> wire::shake_hands() {
  expect_host(stream_.native_handle(), to_.host);
  const auto [ec] = co_await stream_.async_handshake(asio::ssl::stream_base::client, as_tuple);
  if (ec && ec != asio::error::operation_aborted)
    throw failure(exit_code::unreachable, to_.url() + ": " + describe_handshake(ec, stream_.native_handle()));
  if (ec)
    throw boost::system::system_error(ec);
}

asio::awaitable<error_code> wire::write(std::string_view text) {
  const auto bytes = asio::buffer(text.data(), text.size());
  if (to_.tls) {
    const auto [ec, n] = co_await asio::async_write(stream_, bytes, as_tuple);
    co_return ec;
  }
  const auto [ec, n] = co_await asio::async_write(stream_.next_layer(), bytes, as_tuple);
  co_return ec;
}

asio::awaitable<std::pair<error_code, std::size_t>> wire::read_some(asio::mutable_buffer to) {
  if (to_.tls) {
    const auto [ec, n] = co_await stream_.async_read_some(to, as_tuple);
    co_return std::pair(ec, n);
  }
  const auto [ec, n] = co_await stream_.next_layer().async_read_some(to, as_tuple);
  co_return std::pair(ec, n);
}

} // namespace hotslot::ctl
