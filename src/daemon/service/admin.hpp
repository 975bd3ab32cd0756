// What the admin address does, beside showing the stats.
#pragma once

#include "daemon/calls/deployment.hpp"

#include <hotslot/http/exchange.hpp>
#include <hotslot/http/message.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hotslot::daemon {

/// What it asks of the server. All of them are called on any thread.
struct server_actions {
  /// Puts the configuration in force again. Returns what has changed; throws `std::exception`.
  std::function<asio::awaitable<std::vector<std::string>>()> reload;
  /// Begins to drain, once.
  std::function<void()> drain;
  std::function<bool()> draining;
};

/// POST on /admin/reload, /admin/drain, /admin/recycle/{app}/{name} and /admin/invoke/{app}/{name};
/// docs/admin.md says what they answer.
///
/// What a web page sends is refused: browsers name its origin in every POST, and send with it what the server
/// has once asked its user for, so a page of somebody else's could act in their name.
///
/// Thread safety: a shared object is safe. Lifetime: that of all requests.
class admin {
 public:
  /// `functions` and `log` outlive it. `control` is a strand.
  admin(const asio::any_io_executor& control, const deployment& functions, server_actions actions,
        const logger& log);

  static bool owns(std::string_view target) noexcept;

  /// Precondition: it owns the request's target.
  asio::awaitable<http::response> handle(http::request&& request, http::exchange& exchange);

  /// What the head alone tells: see `front::refuse_early`. Precondition: it owns the request's target.
  std::optional<http::response> refuse_early(const http::request& head) const;

  /// Invocations that run.
  std::size_t calls() const noexcept { return calls_; }

  /// Completes when no invocation runs, at the latest at `until`. To be awaited on `control`, once the server
  /// drains: no further one begins then.
  asio::awaitable<void> async_drain(std::chrono::steady_clock::time_point until);

 private:
  class running_call;

  asio::awaitable<http::response> reload();
  asio::awaitable<http::response> drain(http::exchange& exchange);
  http::response recycle(std::string_view name);
  asio::awaitable<http::response> invoke(http::request&& request, http::exchange& exchange);

  const deployment& functions_;
  const server_actions actions_;
  const logger& log_;
  std::atomic<std::size_t> calls_{0};
  asio::steady_timer ended_; ///< On `control`: until the last of them has.
};

} // namespace hotslot::daemon
