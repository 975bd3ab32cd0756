#include "address.hpp"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

namespace hotslot::ctl {
namespace {

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
  std::string text(tls ? "https://" : "http://");
  return text.append(authority()).append(prefix);
}

std::optional<admin_address> parse_address(std::string_view url) {
  const std::string terminated(url); // Boost 1.81 reads on to a NUL
  const auto parsed = boost::urls::parse_uri(terminated);
  if (!parsed || parsed->has_userinfo() || parsed->has_query() || parsed->has_fragment())
    return std::nullopt;
  const bool tls = parsed->scheme() == "https";
  if ((!tls && parsed->scheme() != "http") || parsed->host_address().empty())
    return std::nullopt;
  const std::string_view path(parsed->encoded_path());
  if (!path.empty() && !path.starts_with('/')) // to Boost 1.81, what follows a colon that is no port
    return std::nullopt;
  const std::string port(parsed->port());
  if (port.size() > 5 || (!port.empty() && (std::stoul(port) == 0 || std::stoul(port) > 65535)))
    return std::nullopt;
  return admin_address{.tls = tls,
                       .host = parsed->host_address(),
                       .port = port.empty() ? std::string(default_port(tls)) : port,
                       .prefix = std::string(without_slashes_at_end(path))};
}

} // namespace hotslot::ctl
