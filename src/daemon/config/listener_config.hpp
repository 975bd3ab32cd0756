// How one of the two addresses of hotslotd is served.
#pragma once

#include "endpoint.hpp"
#include "json_reader.hpp"

#include <hotslot/http/tls.hpp>

#include <filesystem>
#include <optional>
#include <string_view>

namespace hotslot::daemon {

struct listener_config {
  endpoint address;
  std::optional<http::tls_files> tls = {};              ///< Nothing: plain HTTP.
  std::optional<std::filesystem::path> token_file = {}; ///< Nothing: whoever reaches it may ask.

  friend bool operator==(const listener_config&, const listener_config&) = default;
};

/// The member is an address, or an object: `{"address", "tls": {"certificate", "key", "client_ca"},
/// "token_file"}`. What is absent stays as it is in `to`; paths start in `folder`.
void read_listener(json_object& in, std::string_view member, const std::filesystem::path& folder,
                   listener_config& to);

} // namespace hotslot::daemon
