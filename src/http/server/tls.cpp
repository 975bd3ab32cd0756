#include <hotslot/http/tls.hpp>

#include "base/file.hpp"

#include <boost/asio/ssl/context.hpp>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace hotslot::http {
namespace {

namespace ssl = boost::asio::ssl;

constexpr std::size_t longest_pem = 4 * 1024 * 1024;

// What Mozilla's "intermediate" recommends for TLS 1.2, less the finite-field key exchange.
constexpr const char* tls_1_2_ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20";

[[noreturn]] void refuse_file(std::string_view what, const std::filesystem::path& file,
                              std::string_view why) {
  ERR_clear_error();
  std::string text("cannot use ");
  throw tls_error(text.append(file.native()).append(" as the ").append(what).append(": ").append(why));
}

[[noreturn]] void refuse_file(std::string_view what, const std::filesystem::path& file) {
  const auto code = ERR_get_error();
  const char* reason =
      ERR_SYSTEM_ERROR(code) ? std::strerror(ERR_GET_REASON(code)) : ERR_reason_error_string(code);
  refuse_file(what, file, reason ? reason : "unknown error");
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

// OpenSSL would wait for ever for who writes a pipe.
std::string read_pem(std::string_view what, const std::filesystem::path& file) {
  try {
    return base::read_file(file, longest_pem);
  } catch (const std::runtime_error& e) {
    refuse_file(what, file, e.what());
  }
}

template <class T, void (*Free)(T*)>
struct freed_by {
  void operator()(T* object) const noexcept { Free(object); }
};
using certificate = std::unique_ptr<X509, freed_by<X509, X509_free>>;
using private_key = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY, EVP_PKEY_free>>;

/// The text of a file, to be read from.
class pem {
 public:
  explicit pem(const std::string& text)
    : bio_(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))) {}
  ~pem() { BIO_free(bio_); }
  pem(const pem&) = delete;
  pem& operator=(const pem&) = delete;

  certificate next_certificate() {
    return certificate(PEM_read_bio_X509(bio_, nullptr, no_password, nullptr));
  }
  private_key key() { return private_key(PEM_read_bio_PrivateKey(bio_, nullptr, no_password, nullptr)); }

 private:
  BIO* const bio_;
};

std::vector<certificate> read_certificates(std::string_view what, const std::filesystem::path& file) {
  const std::string text = read_pem(what, file);
  pem in(text);
  std::vector<certificate> all;
  while (auto one = in.next_certificate())
    all.push_back(std::move(one));
  if (all.empty() || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) // which is the end
    refuse_file(what, file);
  ERR_clear_error();
  return all;
}

void use_certificate(SSL_CTX* to, const std::filesystem::path& file) {
  constexpr std::string_view what = "certificate";
  auto all = read_certificates(what, file);
  bool used = SSL_CTX_use_certificate(to, all.front().get()) == 1;
  for (std::size_t n = 1; used && n < all.size(); ++n)
    used = SSL_CTX_add1_chain_cert(to, all[n].get()) == 1;
  if (!used)
    refuse_file(what, file);
}

void use_key(SSL_CTX* to, const std::filesystem::path& file) {
  constexpr std::string_view what = "certificate's key";
  const std::string text = read_pem(what, file);
  const auto key = pem(text).key();
  if (!key || SSL_CTX_use_PrivateKey(to, key.get()) != 1)
    refuse_file(what, file);
  // A key of another type is taken for that of another certificate, which is still to come.
  if (SSL_CTX_check_private_key(to) != 1)
    refuse_file(what, file, "it is the key of another certificate");
}

void trust(SSL_CTX* to, const std::filesystem::path& file) {
  constexpr std::string_view what = "certificate of those who sign callers' certificates";
  for (const auto& one : read_certificates(what, file))
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(to), one.get()) != 1 ||
        SSL_CTX_add_client_CA(to, one.get()) != 1)
      refuse_file(what, file);
}

void require_clients(SSL_CTX* to, const std::filesystem::path& authority) {
  trust(to, authority);
  SSL_CTX_set_verify(to, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  static constexpr unsigned char context[] = "hotslot";
  SSL_CTX_set_session_id_context(to, context, sizeof context - 1);
}

std::shared_ptr<ssl::context> load_one(const certificate_files& own, const std::filesystem::path& client_ca) {
  const auto loaded = std::make_shared<ssl::context>(ssl::context::tls_server);
  SSL_CTX* to = loaded->native_handle();
  ERR_clear_error();
  harden(to);
  use_certificate(to, own.certificate);
  use_key(to, own.key);
  if (!client_ca.empty())
    require_clients(to, client_ca);
  return loaded;
}

/// What stands beside the first context. It is the context's own: a handshake outlives a reload.
using more_contexts = std::vector<std::shared_ptr<ssl::context>>;

void free_more(void*, void* more, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<more_contexts*>(more);
}

int index_of_more() {
  static const int index =
      CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_SSL_CTX, 0, nullptr, nullptr, nullptr, free_more);
  return index;
}

const more_contexts& more_of(const SSL_CTX* context) {
  static const more_contexts none;
  const void* more = SSL_CTX_get_ex_data(context, index_of_more());
  return more ? *static_cast<const more_contexts*>(more) : none;
}

int choose_by_name(SSL* session, int*, void*) {
  const char* name = SSL_get_servername(session, TLSEXT_NAMETYPE_host_name);
  if (!name)
    return SSL_TLSEXT_ERR_NOACK;
  const auto is_for_it = [name](const SSL_CTX* c) {
    return X509_check_host(SSL_CTX_get0_certificate(c), name, 0, 0, nullptr) == 1;
  };
  const SSL_CTX* first = SSL_get_SSL_CTX(session);
  if (is_for_it(first))
    return SSL_TLSEXT_ERR_OK;
  for (const auto& other : more_of(first))
    if (is_for_it(other->native_handle())) {
      SSL_set_SSL_CTX(session, other->native_handle());
      return SSL_TLSEXT_ERR_OK;
    }
  return SSL_TLSEXT_ERR_NOACK;
}

std::shared_ptr<ssl::context> load(const tls_files& files) {
  auto first = load_one({files.certificate, files.key}, files.client_ca);
  if (files.more.empty())
    return first;
  auto more = std::make_unique<more_contexts>();
  for (const auto& own : files.more)
    more->push_back(load_one(own, files.client_ca));
  if (SSL_CTX_set_ex_data(first->native_handle(), index_of_more(), more.get()) != 1)
    throw std::bad_alloc();
  more.release();
  SSL_CTX_set_tlsext_servername_callback(first->native_handle(), choose_by_name);
  return first;
}

std::chrono::system_clock::time_point end_of(const SSL_CTX* context) {
  std::tm end{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(SSL_CTX_get0_certificate(context)), &end) != 1)
    return {};
  return std::chrono::system_clock::from_time_t(::timegm(&end));
}

} // namespace

tls_credentials::tls_credentials(tls_files files)
  : files_(std::move(files))
  , context_(load(files_)) {}

tls_credentials::loaded tls_credentials::read() const { return load(files_); }

void tls_credentials::exchange(loaded fresh) noexcept {
  const std::lock_guard lock(mutex_);
  context_.swap(fresh);
}

tls_credentials::loaded tls_credentials::current() const {
  const std::lock_guard lock(mutex_);
  return context_;
}

std::vector<tls_credentials::certificate_info> tls_credentials::certificates() const {
  const auto context = current();
  std::vector<certificate_info> all{{files_.certificate, end_of(context->native_handle())}};
  const auto& more = more_of(context->native_handle());
  for (std::size_t i = 0; i < more.size(); ++i)
    all.push_back({files_.more[i].certificate, end_of(more[i]->native_handle())});
  return all;
}

bool tls_credentials::is_in_force(const loaded& read) const {
  const auto now = current();
  const auto are_alike = [](const loaded& a, const loaded& b) {
    return X509_cmp(SSL_CTX_get0_certificate(a->native_handle()),
                    SSL_CTX_get0_certificate(b->native_handle())) == 0;
  };
  const auto& more = more_of(read->native_handle());
  return are_alike(read, now) &&
         std::equal(more.begin(), more.end(), more_of(now->native_handle()).begin(), are_alike);
}

} // namespace hotslot::http
