// One address of hotslotd: its server, its certificate, and the tokens that are asked for there.
#pragma once

#include "daemon/config/listener_config.hpp"

#include <hotslot/http/bearer_tokens.hpp>
#include <hotslot/http/server.hpp>

#include <memory>
#include <optional>
#include <string>

namespace hotslot::daemon {

class listener {
 public:
  /// Throws `std::runtime_error`, naming the file, where the certificate or the tokens cannot be used.
  listener(boost::asio::any_io_executor executor, const listener_config& c, http::server_handler handler,
           http::server_options options);

  /// Throws what the constructor would throw, without serving anything.
  static void check(const listener_config& c);

  http::server& server() noexcept { return server_; }

  /// Takes over `inherited`, where there is one, else binds. Returns `url()`. Throws `system_error`.
  std::string listen(std::optional<int> inherited = std::nullopt);

  /// Where it is served. Precondition: it listens.
  std::string url() const;

  /// Throws what `reload` would throw.
  void check() const { check(config_); }

  /// Reads the certificate and the tokens again. Throws as the constructor does; see `check`.
  void reload();

  /// Whether more than this machine can reach it. Precondition: it listens.
  bool is_public() const noexcept { return !endpoint_.address().is_loopback(); }
  bool is_encrypted() const noexcept { return tls_ != nullptr; }
  /// Whether it asks callers who they are.
  bool is_guarded() const noexcept { return tokens_ || (config_.tls && !config_.tls->client_ca.empty()); }

 private:
  http::server_options complete(http::server_options options) const;

  const listener_config config_;
  const std::shared_ptr<http::tls_credentials> tls_;
  const std::shared_ptr<http::bearer_tokens> tokens_;
  http::server server_;
  endpoint endpoint_; ///< In use.
};

} // namespace hotslot::daemon
