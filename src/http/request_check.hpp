// What the server refuses by itself, before a handler sees it.
#ifndef HOTSLOT_SRC_HTTP_REQUEST_CHECK_HPP
#define HOTSLOT_SRC_HTTP_REQUEST_CHECK_HPP

#include <hotslot/http/message.hpp>

#include <boost/system/error_code.hpp>

#include <optional>
#include <string>

namespace hotslot::http::detail {

struct refusal {
  status code;
  std::string message;
};

/// The answer to a message that the parser gave up on.
refusal refuse_malformed(const boost::system::error_code& ec);

/// What is wrong with a well-formed header, if anything is.
std::optional<refusal> check_header(const request& req);

/// Whether the caller waits for "100 Continue" before it sends the body.
bool awaits_continue(const request& req);

} // namespace hotslot::http::detail

#endif
