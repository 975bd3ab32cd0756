// The messages that handlers take and give: whole bodies in strings, Beast's own types.
#ifndef HOTSLOT_HTTP_MESSAGE_HPP
#define HOTSLOT_HTTP_MESSAGE_HPP

#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hotslot::http {

using boost::beast::http::field;
using boost::beast::http::status;
using boost::beast::http::verb;

using request = boost::beast::http::request<boost::beast::http::string_body>;
using response = boost::beast::http::response<boost::beast::http::string_body>;

/// A response with a body and its Content-Type and Content-Length.
response make_response(status code, std::string_view content_type, std::string body);

/// The form of every error: `{"message": …}`. Bytes of `message` that are not UTF-8 are replaced.
response make_error(status code, std::string_view message);

/// What Content-Length says; nothing where there is none, or no number.
std::optional<std::uint64_t> stated_length(const boost::beast::http::fields& of) noexcept;

/// The path of a request target, without its query; also where the target is a whole URL.
std::string_view target_path(std::string_view target) noexcept;

} // namespace hotslot::http

#endif
