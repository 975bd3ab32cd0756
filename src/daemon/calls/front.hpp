// What the calling address answers: which function a request is for.
#pragma once

#include "function.hpp"

#include <hotslot/http/exchange.hpp>
#include <hotslot/http/message.hpp>

#include <boost/asio/awaitable.hpp>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace hotslot::daemon {

/// `POST /invoke/{id}`, `POST /invoke/{app}/{name}`, and any method on `/t/{app}{trigger}`.
///
/// Immutable. Thread safety: `handle` may run for any number of requests at once. Lifetime: each request
/// keeps the front that it came under, and the front its functions.
class front {
 public:
  using functions_type = std::vector<std::shared_ptr<function>>;

  explicit front(functions_type functions);

  static asio::awaitable<http::response> handle(std::shared_ptr<const front> self, http::request&& request,
                                                http::exchange& exchange);

  const functions_type& functions() const noexcept { return functions_; }
  /// By its id, or "{app}/{name}", which may be percent-encoded; null where there is none.
  function* named(std::string_view name) const;
  /// The function that a request of this target is for; null where there is none.
  const function* with_target(std::string_view target) const;
  /// The function whose queue has that key, in hex; null where there is none.
  const function* with_key(std::string_view key) const;

 private:
  struct target {
    function* fn = nullptr;
    bool http_trigger = false;
  };

  target find(std::string_view path) const;

  functions_type functions_;
  std::map<std::string, function*, std::less<>> invoked_; ///< By what follows "/invoke/".
  std::map<std::string, function*, std::less<>> keyed_;
  std::map<std::string, function*, std::less<>> triggered_; ///< By what follows "/t/".
};

} // namespace hotslot::daemon
