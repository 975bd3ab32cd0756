// What is logged of functions and of calls, as the configuration says it.
#pragma once

#include "json_reader.hpp"
#include "log_target.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

namespace hotslot::daemon {

/// Of what a function writes to its outputs.
struct function_log_config {
  log_target target;
  std::uint64_t max_bytes_per_call = 1u << 20;
  /// Functions are asked to mark where a call begins: `process::function_spec::log_frames`.
  bool frames = false;

  friend bool operator==(const function_log_config&, const function_log_config&) = default;
};

enum class access_format : std::uint8_t { common, json };

struct access_log_config {
  access_format format = access_format::common;
  log_target target{.to = log_destination::standard_output};

  friend bool operator==(const access_log_config&, const access_log_config&) = default;
};

/// The member "function_log", of the configuration or of a function. What is absent stays as it is in `to`;
/// but with another "to", what belonged to the old one is gone.
void read_function_log(json_object& in, const std::filesystem::path& folder, function_log_config& to);

/// The member "access_log"; nothing: there is none.
std::optional<access_log_config> read_access_log(json_object& in, const std::filesystem::path& folder);

} // namespace hotslot::daemon
