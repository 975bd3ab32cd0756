#include <hotslot/http/tls.hpp>

#include <boost/asio/ssl/context.hpp>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cstring>
#include <string>
#include <string_view>

namespace hotslot::http {
namespace {

namespace ssl = boost::asio::ssl;

// What Mozilla's "intermediate" recommends for TLS 1.2, less the finite-field key exchange.
constexpr const char* tls_1_2_ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20";

[[noreturn]] void refuse_file(std::string_view what, const std::filesystem::path& file) {
  const auto code = ERR_get_error();
  ERR_clear_error();
  const char* reason =
      ERR_SYSTEM_ERROR(code) ? std::strerror(ERR_GET_REASON(code)) : ERR_reason_error_string(code);
  std::string text("cannot use ");
  text.append(file.native())
      .append(" as the ")
      .append(what)
      .append(": ")
      .append(reason ? reason : "unknown error");
  throw tls_error(text);
}

// OpenSSL would otherwise ask the terminal.
int no_password(char*, int, int, void*) { return 0; }

int select_protocol(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* offered,
                    unsigned int offered_size, void*) {
  static constexpr unsigned char ours[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, size, ours, sizeof ours - 1, offered, offered_size) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

void harden(SSL_CTX* to) {
  SSL_CTX_set_min_proto_version(to, TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(to, tls_1_2_ciphers);
  SSL_CTX_set_options(to, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_session_cache_mode(to, SSL_SESS_CACHE_OFF); // tickets need no memory here
  SSL_CTX_set_alpn_select_cb(to, select_protocol, nullptr);
  SSL_CTX_set_default_passwd_cb(to, no_password);
}

void require_clients(SSL_CTX* to, const std::filesystem::path& authority) {
  if (SSL_CTX_load_verify_locations(to, authority.c_str(), nullptr) != 1)
    refuse_file("certificate of those who sign callers' certificates", authority);
  SSL_CTX_set_client_CA_list(to, SSL_load_client_CA_file(authority.c_str()));
  SSL_CTX_set_verify(to, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  static constexpr unsigned char context[] = "hotslot";
  SSL_CTX_set_session_id_context(to, context, sizeof context - 1);
}

std::shared_ptr<ssl::context> load(const tls_files& files) {
  const auto loaded = std::make_shared<ssl::context>(ssl::context::tls_server);
  SSL_CTX* to = loaded->native_handle();
  ERR_clear_error();
  harden(to);
  if (SSL_CTX_use_certificate_chain_file(to, files.certificate.c_str()) != 1)
    refuse_file("certificate", files.certificate);
  if (SSL_CTX_use_PrivateKey_file(to, files.key.c_str(), SSL_FILETYPE_PEM) != 1)
    refuse_file("certificate's key", files.key);
  if (!files.client_ca.empty())
    require_clients(to, files.client_ca);
  return loaded;
}

} // namespace

tls_credentials::tls_credentials(tls_files files)
  : files_(std::move(files))
  , context_(load(files_)) {}

void tls_credentials::reload() {
  auto fresh = load(files_);
  const std::lock_guard lock(mutex_);
  context_.swap(fresh);
}

std::shared_ptr<ssl::context> tls_credentials::current() const {
  const std::lock_guard lock(mutex_);
  return context_;
}

} // namespace hotslot::http
