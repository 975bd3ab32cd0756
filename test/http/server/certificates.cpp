#include "certificates.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <system_error>

namespace hotslot::test {
namespace {

namespace fs = std::filesystem;

void require(bool done, const char* what) {
  if (!done)
    throw std::runtime_error(std::string("cannot make a certificate: ") + what);
}

std::shared_ptr<EVP_PKEY> new_key() { return {EVP_EC_gen("P-256"), EVP_PKEY_free}; }

void extend(X509* to, X509* issuer, int kind, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, to, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value);
  require(extension && X509_add_ext(to, extension, -1), "its extension");
  X509_EXTENSION_free(extension);
}

std::shared_ptr<X509> new_certificate(const std::string& subject, long serial, EVP_PKEY* key) {
  std::shared_ptr<X509> cert(X509_new(), X509_free);
  X509_set_version(cert.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(cert.get()), serial);
  constexpr long hour = 3600;
  X509_gmtime_adj(X509_getm_notBefore(cert.get()), -hour);
  X509_gmtime_adj(X509_getm_notAfter(cert.get()), 24 * hour);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(cert.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(subject.c_str()), -1, -1, 0);
  X509_set_pubkey(cert.get(), key);
  return cert;
}

void sign(X509* cert, X509* issuer, EVP_PKEY* issuer_key) {
  X509_set_issuer_name(cert, X509_get_subject_name(issuer));
  require(X509_sign(cert, issuer_key, EVP_sha256()) > 0, "its signature");
}

// In place of the old file at once: a server may read it at any time.
template <class Write>
void replace(const fs::path& file, Write write) {
  const fs::path fresh = file.native() + ".new";
  std::FILE* to = std::fopen(fresh.c_str(), "w");
  require(to && write(to), "its file");
  std::fclose(to);
  fs::rename(fresh, file);
}

} // namespace

certificates::certificates() {
  std::string name = (fs::temp_directory_path() / "hotslot-certificates-XXXXXX").native();
  if (!mkdtemp(name.data()))
    throw std::system_error(errno, std::generic_category(), "mkdtemp");
  directory_ = name;
  ca_key_ = new_key();
  ca_ = new_certificate("hotslot test authority", serial_++, ca_key_.get());
  extend(ca_.get(), ca_.get(), NID_basic_constraints, "critical,CA:TRUE");
  extend(ca_.get(), ca_.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
  sign(ca_.get(), ca_.get(), ca_key_.get());
  replace(path("ca.pem"), [this](std::FILE* to) { return PEM_write_X509(to, ca_.get()); });
  issue("server", "localhost");
  issue("client", "a client");
}

certificates::~certificates() {
  std::error_code ignored;
  fs::remove_all(directory_, ignored);
}

void certificates::issue(const std::string& name, const std::string& subject, const std::string& alternatives,
                         long hours) {
  const auto key = new_key();
  const auto cert = new_certificate(subject, serial_++, key.get());
  X509_gmtime_adj(X509_getm_notAfter(cert.get()), hours * 60 * 60);
  extend(cert.get(), ca_.get(), NID_subject_alt_name, alternatives.c_str());
  sign(cert.get(), ca_.get(), ca_key_.get());
  replace(path(name + ".pem"), [&](std::FILE* to) { return PEM_write_X509(to, cert.get()); });
  replace(path(name + ".key"), [&](std::FILE* to) {
    return PEM_write_PrivateKey(to, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
}

void certificates::write(const std::string& name, const std::string& text) const {
  std::ofstream(path(name)) << text;
}

} // namespace hotslot::test
