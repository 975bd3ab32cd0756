// What a server proves its identity with over TLS, and whom it talks to.
#ifndef HOTSLOT_HTTP_TLS_HPP
#define HOTSLOT_HTTP_TLS_HPP

#include <chrono>
#include <filesystem>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <vector>

namespace boost::asio::ssl {
class context;
}

namespace hotslot::http {

/// A certificate beside a server's first, for callers who ask for one of its names.
struct certificate_files {
  std::filesystem::path certificate; ///< As in `tls_files`.
  std::filesystem::path key;

  friend bool operator==(const certificate_files&, const certificate_files&) = default;
};

/// The files that `tls_credentials` are read from.
struct tls_files {
  /// PEM: the server's own certificate, then those between it and its root.
  std::filesystem::path certificate;
  /// PEM, not encrypted.
  std::filesystem::path key;
  /// PEM: who signs the certificates of callers. Empty: callers need none.
  std::filesystem::path client_ca = {};
  /// The first that is for the name which the caller asks for (RFC 6066, 3), where the one above is not.
  std::vector<certificate_files> more = {};

  friend bool operator==(const tls_files&, const tls_files&) = default;
};

/// what() names the file and OpenSSL's reason.
struct tls_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Certificates and keys, loaded, for TLS 1.2 and 1.3 with forward secrecy and authenticated encryption only.
/// One may serve several servers, as `server_options::tls`.
///
/// Thread safety: all of it.
class tls_credentials {
 public:
  /// Throws `tls_error` where a file cannot be read or used, or the key is not the certificate's.
  explicit tls_credentials(tls_files files);

  tls_credentials(const tls_credentials&) = delete;
  tls_credentials& operator=(const tls_credentials&) = delete;

  using loaded = std::shared_ptr<boost::asio::ssl::context>;

  const tls_files& files() const noexcept { return files_; }

  /// Reads the files again: connections from now on get what they hold, those that are open keep what they
  /// have. Throws `tls_error`, and then nothing has changed.
  void reload() { exchange(read()); }

  /// The two halves of `reload`, for whoever changes more than this at once. `read` throws as it does.
  loaded read() const;
  /// What connections get from now on.
  void exchange(loaded fresh) noexcept;

  /// What connections that begin now get.
  loaded current() const;

  /// One of them, for a log or a metric.
  struct certificate_info {
    std::filesystem::path file;                    ///< That it was read from.
    std::chrono::system_clock::time_point expires; ///< Until when it is valid.
  };
  /// Of those, in the order of `tls_files`.
  std::vector<certificate_info> certificates() const;

  /// Whether those certificates are the ones that connections get already.
  bool is_in_force(const loaded& read) const;

 private:
  const tls_files files_;
  mutable std::mutex mutex_;
  loaded context_;
};

} // namespace hotslot::http

#endif
