// What the calling address answers: which function a request is for.
#ifndef HOTSLOT_DAEMON_FRONT_HPP
#define HOTSLOT_DAEMON_FRONT_HPP

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
/// Thread safety: `handle` may run for any number of requests at once. Lifetime: the functions outlive it.
class front {
 public:
  explicit front(const std::vector<std::unique_ptr<function>>& functions);

  asio::awaitable<http::response> handle(http::request&& request, http::exchange& exchange) const;

 private:
  struct target {
    function* fn = nullptr;
    bool http_trigger = false;
  };

  target find(std::string_view path) const;

  std::map<std::string, function*, std::less<>> invoked_;   ///< By what follows "/invoke/".
  std::map<std::string, function*, std::less<>> triggered_; ///< By what follows "/t/".
};

} // namespace hotslot::daemon

#endif
