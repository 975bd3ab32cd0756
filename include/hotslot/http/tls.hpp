// What a server proves its identity with over TLS, and whom it talks to.
#ifndef HOTSLOT_HTTP_TLS_HPP
#define HOTSLOT_HTTP_TLS_HPP

#include <filesystem>
#include <memory>
#include <mutex>
#include <stdexcept>

namespace boost::asio::ssl {
class context;
}

namespace hotslot::http {

struct tls_files {
  /// PEM: the server's own certificate, then those between it and its root.
  std::filesystem::path certificate;
  /// PEM, not encrypted.
  std::filesystem::path key;
  /// PEM: who signs the certificates of callers. Empty: callers need none.
  std::filesystem::path client_ca = {};

  friend bool operator==(const tls_files&, const tls_files&) = default;
};

/// what() names the file and OpenSSL's reason.
struct tls_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Certificate and key, loaded, for TLS 1.2 and 1.3 with forward secrecy and authenticated encryption only.
/// One may serve several servers, as `server_options::tls`.
///
/// Thread safety: all of it.
class tls_credentials {
 public:
  /// Throws `tls_error` where a file cannot be read or used, or the key is not the certificate's.
  explicit tls_credentials(tls_files files);

  tls_credentials(const tls_credentials&) = delete;
  tls_credentials& operator=(const tls_credentials&) = delete;

  const tls_files& files() const noexcept { return files_; }

  /// Reads the files again: connections from now on get what they hold, those that are open keep what they
  /// have. Throws `tls_error`, and then nothing has changed.
  void reload();

  /// What connections that begin now get.
  std::shared_ptr<boost::asio::ssl::context> current() const;

 private:
  const tls_files files_;
  mutable std::mutex mutex_;
  std::shared_ptr<boost::asio::ssl::context> context_;
};

} // namespace hotslot::http

#endif
