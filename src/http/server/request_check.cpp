#include "request_check.hpp"

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>

namespace hotslot::http::detail {

using boost::beast::iequals;
using parse_error = boost::beast::http::error;

response refuse_malformed(const boost::system::error_code& ec) {
  if (ec == parse_error::header_limit)
    return make_error(status::request_header_fields_too_large, "the header is too large");
  if (ec == parse_error::body_limit || ec == parse_error::buffer_overflow)
    return make_error(status::payload_too_large, "the body is too large");
  return make_error(status::bad_request, "malformed request: " + ec.message());
}

std::optional<response> check_header(const request& req) {
  const bool http_1_0 = req.version() < 11;
  const auto hosts = req.count(field::host);
  if (hosts > 1 || (hosts == 0 && !http_1_0))
    return make_error(status::bad_request, "there has to be one Host field");
  if (req.count(field::content_length) > 1)
    return make_error(status::bad_request, "there may be one Content-Length only");
  // Any other framing than plain "chunked" would be read differently here and by a proxy in front.
  if (const auto codings = req.count(field::transfer_encoding); codings > 0) {
    if (http_1_0)
      return make_error(status::bad_request, "Transfer-Encoding in HTTP/1.0");
    if (codings > 1 || !iequals(req[field::transfer_encoding], "chunked"))
      return make_error(status::not_implemented, "the only transfer coding known is chunked");
  }
  if (const auto expect = req.find(field::expect);
      !http_1_0 && expect != req.end() && !iequals(expect->value(), "100-continue"))
    return make_error(status::expectation_failed, "the only expectation known is 100-continue");
  return std::nullopt;
}

bool has_folded_field(std::string_view head) noexcept {
  return head.find("\n ") != head.npos || head.find("\n\t") != head.npos;
}

bool awaits_continue(const request& req) { return req.version() >= 11 && req.count(field::expect) > 0; }

} // namespace hotslot::http::detail
