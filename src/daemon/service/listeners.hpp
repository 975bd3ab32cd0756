// The addresses of one kind: those for calls, or those for operators.
#pragma once

#include "listener.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace hotslot::daemon {

/// Thread safety: as of `http::server`.
class listeners {
 public:
  /// What each is served with.
  struct served_with {
    std::function<http::server_handler(const listener_config&)> handler;
    std::function<http::server_options(const listener_config&)> options;
    bool checks_host;
  };

  /// Throws as `listener` does.
  listeners(const boost::asio::any_io_executor& executor, const std::vector<listener_config>& at,
            const served_with& with);

  /// Takes over what was `inherited`, in that order, or binds. Throws as `listener::listen`, and where not
  /// all were handed down, naming `kind`.
  void listen(const std::vector<int>& inherited, std::string_view kind);
  void start();
  /// All at once; completes when the last has ended.
  boost::asio::awaitable<void> async_drain(std::chrono::steady_clock::duration grace);
  void stop();

  using credentials = std::vector<listener::credentials>;
  /// Throws as the constructor does.
  credentials read_credentials() const;
  std::vector<std::string> differences(const credentials& read) const;
  void exchange(credentials fresh) noexcept;

  const std::vector<std::unique_ptr<listener>>& all() const noexcept { return all_; }
  /// A comma between them. Precondition: they listen.
  std::string urls() const;

 private:
  std::vector<std::unique_ptr<listener>> all_;
};

} // namespace hotslot::daemon
