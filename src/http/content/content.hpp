// Turning a rendered body into what goes over the wire: its entity tag, its compressed form.
#pragma once

#include <hotslot/http/message.hpp>

#include <string>
#include <string_view>

namespace hotslot::http {

/// Weak, since the compressed and the plain form share it.
std::string make_etag(std::string_view body);

/// Adds ETag and Vary; 304 where the request has it already; compressed where it asks for that.
/// Precondition: `res` is a 200 with its whole body.
void negotiate_content(const request& req, response& res);

/// The same for a text that is kept, with its entity tag: a copy is made only of what is sent.
response negotiated_response(const request& req, std::string_view content_type, std::string_view etag,
                             std::string_view content);

/// The compressed form where the request asks for it, with Vary.
void compress_content(const request& req, response& res);

} // namespace hotslot::http
