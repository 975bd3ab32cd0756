// Addresses as people write them: ADDR:PORT, [v6]:PORT, unix:PATH.
#pragma once

#include <boost/asio/ip/tcp.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace hotslot::daemon {

using tcp_endpoint = boost::asio::ip::tcp::endpoint;

/// A path is that of a unix socket.
using endpoint = std::variant<tcp_endpoint, std::filesystem::path>;

/// Numeric addresses only, so that reading a configuration never asks a name server. Port 0 is "any free
/// one".
std::optional<endpoint> parse_endpoint(std::string_view text);

/// What an invalid address is told to be.
inline constexpr std::string_view endpoint_form =
    "ADDR:PORT with a numeric address, as 127.0.0.1:8080 or [::1]:8080, or unix:PATH";

std::string to_string(const endpoint& e);

} // namespace hotslot::daemon
