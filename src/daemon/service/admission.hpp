// Who is let in at an address.
#pragma once

#include "daemon/config/listener_config.hpp"

#include <hotslot/http/bearer_tokens.hpp>
#include <hotslot/http/message.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace hotslot::daemon {

/// Of each request, before its body is asked for: probes where they are for everybody, else a token where
/// there are tokens, else a name in Host that nobody outside can have chosen: an address, the machine's, one
/// without a domain, or one that is configured. A web page could else have its name lead to this address, and
/// read what is there as its own (DNS rebinding).
///
/// Thread safety: all of it.
class admission {
 public:
  /// `tokens` may be null. `guarded`: callers prove by something else who they are.
  admission(const listener_config& at, std::shared_ptr<const http::bearer_tokens> tokens, bool guarded);

  /// No web page can ask there. To be called before anybody is let in.
  void is_no_place_for_browsers() noexcept { checks_host_ = false; }

  std::optional<http::response> refuse(http::request& head) const;

  std::uint64_t refused_by_token() const noexcept { return by_token_.load(std::memory_order_relaxed); }
  std::uint64_t refused_by_host() const noexcept { return by_host_.load(std::memory_order_relaxed); }

 private:
  bool knows_host(std::string_view authority) const;

  const listener_config at_;
  const std::shared_ptr<const http::bearer_tokens> tokens_;
  bool checks_host_;
  const std::string machine_;
  mutable std::atomic<std::uint64_t> by_token_ = 0;
  mutable std::atomic<std::uint64_t> by_host_ = 0;
};

/// Whether it is /healthz or /readyz.
bool is_probe(std::string_view target) noexcept;

} // namespace hotslot::daemon
