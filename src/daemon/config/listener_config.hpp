// How an address of hotslotd is served.
#pragma once

#include "endpoint.hpp"
#include "json_reader.hpp"

#include <hotslot/http/tls.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hotslot::daemon {

/// Who may connect to a unix socket.
struct socket_access {
  std::uint32_t mode = 0660;
  std::optional<std::uint32_t> group = {}; ///< Nothing: the server's own.

  friend bool operator==(const socket_access&, const socket_access&) = default;
};

struct listener_config {
  endpoint address;
  socket_access access = {};
  std::optional<http::tls_files> tls = {};              ///< Nothing: plain HTTP.
  std::optional<std::filesystem::path> token_file = {}; ///< Nothing: whoever reaches it may ask.

  std::vector<std::string> hosts =
      {}; ///< Names in Host that are known beside those that nobody outside can have; lower case.
  bool probes = false;                               ///< /healthz and /readyz are answered to everybody.
  std::optional<std::uint64_t> max_connections = {}; ///< Nothing: what there are descriptors for.
  std::uint64_t max_connections_per_address = 0;     ///< 0: as many as there may be.
  std::optional<std::uint64_t> backlog = {};         ///< Nothing: as many as the system lets wait.

  friend bool operator==(const listener_config&, const listener_config&) = default;
};

/// The member is an address, or an object: `{"address", "mode", "group", "tls": {"certificate", "key",
/// "client_ca", "more": [{"certificate", "key"}]}, "token_file", "hosts", "probes", "max_connections",
/// "max_connections_per_address", "backlog"}`, or an array of such. What is absent is as in `to`, which has
/// one; paths start in `folder`.
void read_listeners(json_object& in, std::string_view member, const std::filesystem::path& folder,
                    std::vector<listener_config>& to);

} // namespace hotslot::daemon
