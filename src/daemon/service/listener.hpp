// One address of hotslotd: its server, its certificate, and the tokens that are asked for there.
#pragma once

#include "admission.hpp"
#include "socket_file.hpp"

#include "daemon/config/listener_config.hpp"

#include <hotslot/http/bearer_tokens.hpp>
#include <hotslot/http/server.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace hotslot::daemon {

class listener {
 public:
  /// Throws `std::runtime_error`, naming the file, where the certificate or the tokens cannot be used.
  /// `checks_host`: what is served there is for browsers of this machine, too; see `admission`.
  listener(boost::asio::any_io_executor executor, const listener_config& c, http::server_handler handler,
           http::server_options options, bool checks_host);

  /// Throws what the constructor would throw, without serving anything.
  static void check(const listener_config& c);

  /// Accepts no more, and ends as `http::server` does; the file of a unix socket goes first.
  void drain(std::chrono::steady_clock::duration grace);
  void stop();

  http::server& server() noexcept { return server_; }
  const http::server& server() const noexcept { return server_; }

  /// Takes over `inherited`, where there is one, else binds. Throws `std::runtime_error`.
  void listen(std::optional<int> inherited = std::nullopt);

  /// Where it is served: http://ADDR:PORT, or unix:PATH. Precondition: it listens.
  std::string url() const;
  /// ADDR:PORT, or unix:PATH. Precondition: it listens.
  std::string address() const { return to_string(endpoint_); }

  /// What its certificate and its tokens are by now, read but not in force.
  struct credentials {
    http::tls_credentials::loaded tls;
    http::bearer_tokens::loaded tokens;
  };

  /// Throws as the constructor does.
  credentials read_credentials() const;
  /// What they have that is not in force, a line each.
  std::vector<std::string> differences(const credentials& read) const;
  void exchange(credentials fresh) noexcept;

  const admission& admitted() const noexcept { return *admission_; }

  /// None without TLS.
  std::vector<http::tls_credentials::certificate_info> certificates() const;

  /// Whether more than this machine can reach it. Precondition: it listens.
  bool is_public() const noexcept;
  bool is_encrypted() const noexcept { return tls_ != nullptr; }
  /// Whether it asks callers who they are.
  bool is_guarded() const noexcept { return tokens_ || (config_.tls && !config_.tls->client_ca.empty()); }

 private:
  http::server_options complete(http::server_options options) const;
  endpoint take_over(int fd);
  endpoint open();

  const listener_config config_;
  const std::shared_ptr<http::tls_credentials> tls_;
  const std::shared_ptr<http::bearer_tokens> tokens_;
  const std::shared_ptr<admission> admission_;
  http::server server_;
  std::optional<socket_file> file_; ///< Of a unix socket that nobody else has made.
  endpoint endpoint_;               ///< In use.
};

} // namespace hotslot::daemon
