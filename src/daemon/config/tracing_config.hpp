// Where spans go.
#pragma once

#include "json_reader.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace hotslot::daemon {

/// A URL of plain HTTP, taken apart.
struct collector_address {
  std::string host; ///< A name, or an address without brackets.
  std::string port = "4318";
  std::string path = "/v1/traces"; ///< Behind the path of the URL.

  std::string authority() const;

  friend bool operator==(const collector_address&, const collector_address&) = default;
};

struct tracing_config {
  collector_address collector;
  std::string service_name = "hotslotd";
  double sample_ratio = 1;         ///< Of the traces that begin here; others are as their callers say.
  std::uint64_t max_queued = 4096; ///< Spans.

  friend bool operator==(const tracing_config&, const tracing_config&) = default;
};

/// Nothing where `url` is none of plain HTTP with a host.
std::optional<collector_address> parse_collector(std::string_view url);

/// The member `tracing`; nothing where it is absent.
std::optional<tracing_config> read_tracing(json_object& in);

} // namespace hotslot::daemon
