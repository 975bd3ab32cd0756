// What the calling address answers: which function a request is for.
#pragma once

#include "function.hpp"

#include <hotslot/http/exchange.hpp>
#include <hotslot/http/message.hpp>

#include <boost/asio/awaitable.hpp>

#include <map>
#include <memory>
#include <optional>
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

  /// What is known from the head alone, for who waits to be asked for the body: why there is no need to.
  /// `path`: of what is called. Takes no token of a rate.
  std::optional<http::response> refuse_early(const http::request& head, std::string_view path) const;

  const functions_type& functions() const noexcept { return functions_; }
  /// By its id, or "{app}/{name}", as a URL's path has it; null where there is none.
  function* at_path(std::string_view path) const;
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
  static std::optional<http::response> refuse(const http::request& head, const target& found);

  functions_type functions_;
  std::map<std::string, function*, std::less<>> invoked_; ///< By what follows "/invoke/".
  std::map<std::string, function*, std::less<>> keyed_;
  std::map<std::string, function*, std::less<>> triggered_; ///< By what follows "/t/".
};

} // namespace hotslot::daemon
