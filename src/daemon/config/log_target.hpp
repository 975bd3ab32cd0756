// Where lines may go, as the configuration says it.
#pragma once

#include "json_reader.hpp"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace hotslot::daemon {

/// Those of RFC 5424 that a program may name.
enum class syslog_facility : std::uint8_t {
  user = 1,
  daemon = 3,
  local0 = 16,
  local1,
  local2,
  local3,
  local4,
  local5,
  local6,
  local7,
};

enum class syslog_transport : std::uint8_t { udp, tcp, unix_datagram };

struct syslog_address {
  syslog_transport transport = syslog_transport::unix_datagram;
  std::string host;
  std::string port;
  std::string path; ///< Of a unix socket; absolute.
  std::string text; ///< As it was written.

  friend auto operator<=>(const syslog_address&, const syslog_address&) = default;
};

inline constexpr std::string_view syslog_address_form =
    "udp://HOST:PORT, tcp://HOST:PORT or unix:/PATH (of at most 107 bytes)";

std::optional<syslog_address> parse_syslog_address(std::string_view text);

enum class log_destination : std::uint8_t {
  log, ///< The server's own log.
  standard_output,
  file,
  syslog,
};

struct log_target {
  log_destination to = log_destination::log;
  // A file
  std::filesystem::path file = {};
  std::uint64_t max_bytes = 64u << 20; ///< Of one file, which is then rotated; 0: never.
  std::uint64_t keep = 5;              ///< So many older ones, as file.1.log for file.log.
  // Syslog
  syslog_address address = {};
  syslog_facility facility = syslog_facility::user;
  std::uint64_t queue_bytes = 1u << 20; ///< What may wait for the peer; more is dropped.

  friend auto operator<=>(const log_target&, const log_target&) = default;
};

/// The members of `in` that say where: "to", which has to be `first` or one of those behind it, and what
/// belongs to it. Without "to", `to` is what they change; paths start in `folder`.
void read_log_target(json_object& in, const std::filesystem::path& folder, log_destination first,
                     log_target& to);

} // namespace hotslot::daemon
