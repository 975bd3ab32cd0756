#include "endpoint.hpp"

#include "base/number.hpp"

namespace hotslot::daemon {
namespace {

constexpr std::string_view unix_prefix = "unix:";

// An address in brackets has to be of version 6, and one without of version 4: "::1:80" would be either of
// two.
std::optional<boost::asio::ip::address> parse_host(std::string_view text) {
  const bool bracketed = text.size() >= 2 && text.front() == '[' && text.back() == ']';
  if (bracketed)
    text = text.substr(1, text.size() - 2);
  if (text.find('\0') != std::string_view::npos)
    return std::nullopt;
  boost::system::error_code failed;
  const auto address = boost::asio::ip::make_address(std::string(text), failed);
  if (failed || address.is_v6() != bracketed)
    return std::nullopt;
  return address;
}

} // namespace

std::optional<endpoint> parse_endpoint(std::string_view text) {
  if (text.starts_with(unix_prefix)) {
    const std::filesystem::path path(text.substr(unix_prefix.size()));
    const bool fits = path.has_filename() && text.find('\0') == text.npos;
    return fits ? std::optional<endpoint>(path) : std::nullopt;
  }
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos)
    return std::nullopt;
  const auto host = parse_host(text.substr(0, colon));
  const auto port = base::parse_number<std::uint16_t>(text.substr(colon + 1));
  if (!host || !port)
    return std::nullopt;
  return tcp_endpoint(*host, *port);
}

std::string to_string(const endpoint& e) {
  if (const auto* path = std::get_if<std::filesystem::path>(&e))
    return std::string(unix_prefix) + path->native();
  const auto& tcp = std::get<tcp_endpoint>(e);
  const auto host = tcp.address().to_string();
  return (tcp.address().is_v6() ? '[' + host + ']' : host) + ':' + std::to_string(tcp.port());
}

} // namespace hotslot::daemon
