// What the server refuses by itself, before a handler sees it.
#pragma once

#include <hotslot/http/message.hpp>

#include <boost/system/error_code.hpp>

#include <optional>
#include <string_view>

namespace hotslot::http::detail {

/// The answer to a message that the parser gave up on.
response refuse_malformed(const boost::system::error_code& ec);

/// What is wrong with a well-formed header, if anything is.
std::optional<response> check_header(const request& req);

/// Whether a field of it goes on in a second line, which others may read as a field of its own. (RFC
/// 9112, 5.2)
bool has_folded_field(std::string_view head) noexcept;

/// Whether the caller waits for "100 Continue" before it sends the body.
bool awaits_continue(const request& req);

} // namespace hotslot::http::detail
