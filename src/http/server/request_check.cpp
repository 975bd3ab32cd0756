#include "request_check.hpp"

#include "forwarding.hpp"
#include "request_target.hpp"

#include "base/http_text.hpp"

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>

namespace hotslot::http::detail {

using boost::beast::iequals;
using parse_error = boost::beast::http::error;

namespace {

bool is_last_chunk(std::string_view line) {
  const auto end = line.find_first_not_of('0');
  return line.starts_with('0') && (end == line.npos || std::string_view("; \t").find(line[end]) != line.npos);
}

} // namespace

response refuse_malformed(const boost::system::error_code& ec) {
  if (ec == parse_error::header_limit)
    return make_error(status::request_header_fields_too_large, "the header is too large");
  if (ec == parse_error::body_limit || ec == parse_error::buffer_overflow)
    return make_error(status::payload_too_large, "the body is too large");
  return make_error(status::bad_request, "malformed request: " + ec.message());
}

response refuse_body(const boost::system::error_code& ec) {
  if (ec == parse_error::header_limit)
    return make_error(status::request_header_fields_too_large, "a chunk header or trailer is too large");
  return refuse_malformed(ec);
}

std::optional<response> check_header(const request& req) {
  const bool http_1_0 = req.version() < 11;
  const auto hosts = req.count(field::host);
  if (hosts > 1 || (hosts == 0 && !http_1_0))
    return make_error(status::bad_request, "there has to be one Host field");
  if (hosts == 1 && !is_host(req[field::host]))
    return make_error(status::bad_request, "Host has to be a name or an address, with or without a port");
  if (!is_target(req.target(), req.method()))
    return make_error(status::bad_request, "the request target is neither a path nor a URL of HTTP");
  if (req.count(field::content_length) > 1)
    return make_error(status::bad_request, "there may be one Content-Length only");
  if (req.count(field::content_length) == 1 && !stated_length(req)) // a list, which parsers read differently
    return make_error(status::bad_request, "Content-Length has to be a number");
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

void drop_doubtful(request& head, bool by_proxy, bool underscores) {
  const auto is_doubtful = [&](std::string_view name) {
    if (name.find('_') != name.npos)
      return !underscores || is_forwarding(base::hyphenated(name));
    return !by_proxy && is_forwarding(name);
  };
  for (auto f = head.begin(); f != head.end();)
    f = is_doubtful(f->name_string()) ? head.erase(f) : std::next(f);
}

void settle_target(request& head) {
  const std::string_view target = head.target();
  if (target.starts_with('/'))
    return;
  const auto [authority, rest] = split_target(target);
  if (authority.empty())
    return;
  head.set(field::host, authority);
  head.target((rest.starts_with('/') ? "" : "/") + std::string(rest));
}

bool has_folded_field(std::string_view head) noexcept {
  return head.find("\n ") != head.npos || head.find("\n\t") != head.npos;
}

bool has_folded_trailer(std::string_view body) noexcept {
  while (body.ends_with('\n')) {
    body.remove_suffix(body.ends_with("\r\n") ? 2 : 1);
    const auto line = body.substr(body.rfind('\n') + 1);
    if (line.starts_with(' ') || line.starts_with('\t'))
      return true;
    if (is_last_chunk(line))
      return false;
    body.remove_suffix(line.size());
  }
  return false;
}

bool awaits_continue(const request& req) { return req.version() >= 11 && req.count(field::expect) > 0; }

} // namespace hotslot::http::detail
