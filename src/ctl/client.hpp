// Requests to an admin address.
#pragma once

#include "options.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/verb.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hotslot::ctl {

class wire;

namespace asio = boost::asio;
namespace http = boost::beast::http;

using reply_head = http::response_header<>;

/// What is asked, and who takes the answer. A duration of zero is no limit.
struct inquiry {
  http::verb method = http::verb::get;
  std::string target; ///< Begins with a slash.
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  std::chrono::milliseconds patience{}; ///< For the head, and for each piece.
  std::function<void(const reply_head&)> on_head = [](const reply_head&) {};
  std::function<void(std::string_view)> on_piece = [](std::string_view) {};
};

struct reply {
  unsigned status = 0;
  std::string reason;
  std::string body;
};

/// Each inquiry is a connection of its own. Errors, thrown as `failure` with the address in them:
/// `unreachable`; from the constructor `usage`, naming the file that cannot be used.
///
/// Thread safety: none.
class client {
 public:
  explicit client(const options& how);

  /// Completes when all of the answer has been taken. Ends with `operation_aborted` where it is cancelled,
  /// and with what the callables throw.
  asio::awaitable<void> ask(const inquiry& what);

  /// The whole answer, whatever its status.
  asio::awaitable<reply> fetch(http::verb method, std::string target);

  std::chrono::milliseconds timeout() const noexcept { return timeout_; }
  std::string url() const { return admin_.url(); }

 private:
  using request = http::request<http::string_body>;

  request make_request(const inquiry& what) const;
  static std::string text_of(const request& r);
  asio::awaitable<void> exchange(const inquiry& what);
  asio::awaitable<void> take_reply(wire& from, const inquiry& what);

  const admin_address admin_;
  const std::chrono::milliseconds timeout_;
  const std::string token_;
  asio::ssl::context tls_;
};

} // namespace hotslot::ctl
