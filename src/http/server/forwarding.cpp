#include "forwarding.hpp"

#include "base/http_text.hpp"
#include "base/number.hpp"

#include <boost/beast/core/string.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace hotslot::http::detail {
namespace {

namespace ip = boost::asio::ip;
using boost::beast::iequals;

constexpr std::string_view x_forwarded = "X-Forwarded-";

// What one proxy says of whom it was asked by. Empty: nothing.
struct hop {
  std::string_view client;
  std::string_view scheme;
};

// Up to the next `end` that is in no quotes; takes it off `rest`.
std::string_view next_part(std::string_view& rest, char end) {
  bool quoted = false;
  std::size_t n = 0;
  for (; n < rest.size() && (quoted || rest[n] != end); ++n) {
    if (rest[n] == '"')
      quoted = !quoted;
    else if (quoted && rest[n] == '\\' && n + 1 < rest.size())
      ++n;
  }
  const auto part = rest.substr(0, n);
  rest.remove_prefix(std::min(n + 1, rest.size()));
  return base::trimmed(part);
}

// The elements of all fields of that name, in their order.
std::vector<std::string_view> elements_of(const request& head, std::string_view name) {
  std::vector<std::string_view> all;
  const auto [first, last] = head.equal_range(name);
  for (auto f = first; f != last; ++f)
    for (std::string_view rest = f->value(); !rest.empty();)
      all.push_back(next_part(rest, ','));
  return all;
}

std::string_view unquoted(std::string_view value) {
  const bool quoted = value.size() >= 2 && value.front() == '"' && value.back() == '"';
  return quoted ? value.substr(1, value.size() - 2) : value;
}

hop read_forwarded(std::string_view element) {
  hop h;
  while (!element.empty()) {
    auto value = next_part(element, ';');
    const auto name = next_part(value, '=');
    if (iequals(name, "for"))
      h.client = unquoted(base::trimmed(value));
    else if (iequals(name, "proto"))
      h.scheme = unquoted(base::trimmed(value));
  }
  return h;
}

// The last first. A scheme that stands alone is that of all.
std::vector<hop> hops_of(const request& head) {
  const auto clients = elements_of(head, "X-Forwarded-For");
  const auto schemes = elements_of(head, "X-Forwarded-Proto");
  std::vector<hop> hops;
  if (head.count("X-Forwarded-For") == 0 && head.count("X-Forwarded-Proto") == 0)
    for (const auto element : elements_of(head, "Forwarded"))
      hops.push_back(read_forwarded(element));
  std::reverse(hops.begin(), hops.end());
  for (std::size_t n = 0; n < std::max(clients.size(), schemes.size()); ++n)
    hops.push_back({n < clients.size() ? clients[clients.size() - 1 - n] : std::string_view(),
                    schemes.empty() ? std::string_view()
                                    : schemes[schemes.size() - 1 - std::min(n, schemes.size() - 1)]});
  return hops;
}

// RFC 7239, 6: or a name that hides it, after an underscore.
bool is_port(std::string_view text) {
  return text.starts_with('_') || base::parse_number<std::uint16_t>(text);
}

// With a port or without: 192.0.2.1:80, [2001:db8::1]:80, 2001:db8::1.
std::optional<ip::address> address_in(std::string_view text) {
  const bool bracketed = text.starts_with('[');
  const auto colons = std::count(text.begin(), text.end(), ':');
  std::string_view host = text, rest;
  if (bracketed) {
    const auto end = text.find(']');
    if (end == text.npos)
      return std::nullopt;
    host = text.substr(1, end - 1);
    rest = text.substr(end + 1);
  } else if (colons == 1) {
    host = text.substr(0, text.find(':'));
    rest = text.substr(host.size());
  }
  boost::system::error_code failed;
  const auto address = ip::make_address(std::string(host), failed);
  if (failed || host.find_first_of(std::string_view("%\0", 2)) != host.npos ||
      (bracketed && !address.is_v6()) ||
      !(rest.empty() || (rest.starts_with(':') && is_port(rest.substr(1)))))
    return std::nullopt;
  return as_it_is_known(address);
}

} // namespace

ip::address as_it_is_known(const ip::address& a) {
  return a.is_v6() && a.to_v6().is_v4_mapped() ? ip::make_address_v4(ip::v4_mapped, a.to_v6()) : a;
}

ip::tcp::endpoint as_it_is_known(const ip::tcp::endpoint& e) {
  return {as_it_is_known(e.address()), e.port()};
}

bool is_forwarding(std::string_view name) noexcept {
  switch (name.empty() ? 0 : name.front() | 0x20) { // nearly all names begin otherwise
  case 'x':
    return iequals(name.substr(0, x_forwarded.size()), x_forwarded) || iequals(name, "X-Real-IP");
  case 'f':
    return iequals(name, "Forwarded");
  default:
    return false;
  }
}

request_origin origin_of(const request& head, const trusted_proxies& trusted, const ip::address& peer,
                         bool secure) {
  request_origin origin{peer, secure};
  origin.by_proxy = !trusted.empty() && trusted.has(peer);
  if (!origin.by_proxy)
    return origin;
  for (const hop& h : hops_of(head)) {
    if (iequals(h.scheme, "https") || iequals(h.scheme, "http"))
      origin.secure = h.scheme.size() == std::string_view("https").size();
    if (h.client == "unix:" && trusted.has({}))
      continue;
    const auto client = address_in(h.client);
    if (!client || client->is_unspecified()) // as which nobody calls but by a unix socket
      break;
    origin.client = *client;
    if (!trusted.has(*client))
      break;
  }
  return origin;
}

} // namespace hotslot::http::detail
