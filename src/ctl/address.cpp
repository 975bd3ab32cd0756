#include "address.hpp"

#include "base/number.hpp"
#include "base/url.hpp"

#include <boost/algorithm/string/predicate.hpp>
#include <boost/asio/ip/address.hpp>

#include <locale>

namespace hotslot::ctl {
namespace {

constexpr std::string_view unix_prefix = "unix:";

std::string_view default_port(bool tls) { return tls ? "443" : "80"; }

std::string_view without_slashes_at_end(std::string_view path) {
  while (path.ends_with('/'))
    path.remove_suffix(1);
  return path;
}

} // namespace

std::string admin_address::authority() const {
  std::string text = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port != default_port(tls))
    text.append(":").append(port);
  return text;
}

std::string admin_address::url() const {
  if (!socket.empty())
    return std::string(unix_prefix) + socket;
  std::string text(tls ? "https://" : "http://");
  return text.append(authority()).append(prefix);
}

bool admin_address::is_loopback() const {
  boost::system::error_code ec;
  const auto address = boost::asio::ip::make_address(host, ec);
  if (!ec)
    return address.is_loopback() ||
           (address.is_v6() && address.to_v6().is_v4_mapped() &&
            boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6()).is_loopback());
  return boost::algorithm::iequals(host, "localhost", std::locale::classic()) ||
         boost::algorithm::iends_with(host, ".localhost", std::locale::classic()); // RFC 6761
}

std::optional<admin_address> parse_address(std::string_view text) {
  if (text.starts_with(unix_prefix) && text.size() > unix_prefix.size())
    return admin_address{.host = "localhost",
                         .port = std::string(default_port(false)),
                         .prefix = {},
                         .socket = std::string(text.substr(unix_prefix.size()))};
  const auto url = base::parse_url(text);
  if (!url || !url->is_plain() || url->host().empty())
    return std::nullopt;
  const bool tls = url->scheme == "https";
  if (!tls && url->scheme != "http")
    return std::nullopt;
  const auto port = url->port().empty() ? default_port(tls) : url->port();
  if (base::parse_number<std::uint16_t>(port).value_or(0) == 0)
    return std::nullopt;
  return admin_address{.tls = tls,
                       .host = url->host(),
                       .port = std::string(port),
                       .prefix = std::string(without_slashes_at_end(url->path)),
                       .socket = {}};
}

} // namespace hotslot::ctl
