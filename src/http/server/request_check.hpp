// What the server refuses by itself, before a handler sees it.
#pragma once

#include <hotslot/http/message.hpp>

#include <boost/system/error_code.hpp>

#include <optional>
#include <string_view>

namespace hotslot::http::detail {

/// The answer to a message that the parser gave up on.
response refuse_malformed(const boost::system::error_code& ec);
/// The same, once the header was read.
response refuse_body(const boost::system::error_code& ec);

/// What is wrong with a well-formed header, if anything is.
std::optional<response> check_header(const request& req);

/// Takes fields away by which somebody could pass for somebody else: those by which proxies say for whom they
/// ask, unless the request is `by_proxy`, and those whose names have a "_", which programs take for "-". With
/// `underscores`, only those that would then be among the former.
void drop_doubtful(request& head, bool by_proxy, bool underscores);

/// A target that is a whole URL becomes Host and path (RFC 9112, 3.2.2).
void settle_target(request& head);

/// Whether a field of it goes on in a second line, which others may read as a field of its own. (RFC
/// 9112, 5.2)
bool has_folded_field(std::string_view head) noexcept;
/// The same of a trailer, which stands behind the last chunk at the end of a body.
bool has_folded_trailer(std::string_view end_of_body) noexcept;

/// Whether the caller waits for "100 Continue" before it sends the body.
bool awaits_continue(const request& req);

} // namespace hotslot::http::detail
