// Certificates that are made for a test, in a directory that goes away with it.
#ifndef HOTSLOT_TEST_HTTP_SERVER_CERTIFICATES_HPP
#define HOTSLOT_TEST_HTTP_SERVER_CERTIFICATES_HPP

#include <filesystem>
#include <memory>
#include <string>

struct evp_pkey_st;
struct x509_st;

namespace hotslot::test {

class certificates {
 public:
  /// Makes an authority and, signed by it, certificates of "localhost" (server.pem, server.key) and of a
  /// client (client.pem, client.key). The authority is ca.pem.
  certificates();
  ~certificates();
  certificates(const certificates&) = delete;
  certificates& operator=(const certificates&) = delete;

  std::filesystem::path path(const std::string& name) const { return directory_ / name; }

  /// Makes NAME.pem and NAME.key for `subject`; of that name before, they are replaced.
  void issue(const std::string& name, const std::string& subject,
             const std::string& alternatives = "DNS:localhost,IP:127.0.0.1", long hours = 24);
  void write(const std::string& name, const std::string& text) const;

 private:
  std::filesystem::path directory_;
  std::shared_ptr<evp_pkey_st> ca_key_;
  std::shared_ptr<x509_st> ca_;
  long serial_ = 1;
};

} // namespace hotslot::test

#endif
