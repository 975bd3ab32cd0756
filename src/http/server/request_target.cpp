#include "request_target.hpp"

#include "base/number.hpp"
#include "base/url.hpp"

#include <boost/beast/core/string.hpp>

#include <algorithm>
#include <cstdint>

namespace hotslot::http::detail {

using boost::beast::http::verb;

constexpr std::size_t longest_host = 1024; // of a name there are 253 bytes at most, which may be encoded

target_parts split_target(std::string_view target) noexcept {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!boost::beast::iequals(target.substr(0, scheme.size()), scheme))
      continue;
    const auto rest = target.substr(scheme.size());
    const auto end = std::min(rest.find_first_of("/?#"), rest.size());
    return {rest.substr(0, end), rest.substr(end)};
  }
  return {{}, target};
}

bool is_host(std::string_view text) noexcept {
  if (text.size() > longest_host)
    return false;
  const auto parsed = base::parse_authority(text);
  if (!parsed || parsed->userinfo || parsed->host.empty() || text.find(',') != text.npos)
    return false;
  const auto port = parsed->port.value_or("");
  return port.empty() || base::parse_number<std::uint16_t>(port);
}

bool is_target(std::string_view target, verb method) noexcept {
  if (method == verb::connect)
    return is_host(target);
  if (target.find('#') != target.npos)
    return false;
  if (target == "*")
    return method == verb::options;
  if (target.starts_with('/'))
    return true;
  return is_host(split_target(target).authority);
}

} // namespace hotslot::http::detail
