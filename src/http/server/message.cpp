#include <hotslot/http/message.hpp>

#include "request_target.hpp"

#include "base/number.hpp"
#include "base/text.hpp"

namespace hotslot::http {

response make_response(status code, std::string_view content_type, std::string body) {
  response res(code, 11);
  res.set(field::content_type, boost::beast::string_view(content_type.data(), content_type.size()));
  res.body() = std::move(body);
  res.content_length(res.body().size());
  return res;
}

response make_error(status code, std::string_view message) {
  std::string body = "{\"message\":";
  base::append_json_string(body, message);
  body += "}\n";
  return make_response(code, "application/json", std::move(body));
}

std::optional<std::uint64_t> stated_length(const boost::beast::http::fields& of) noexcept {
  return base::parse_number<std::uint64_t>(of[field::content_length]);
}

std::string_view target_path(std::string_view target) noexcept {
  const auto rest = detail::split_target(target).rest;
  return rest.data() != target.data() && !rest.starts_with('/') ? "/" : rest.substr(0, rest.find('?'));
}

} // namespace hotslot::http
