// How workers are isolated, in the configuration.
#pragma once

#include "json_reader.hpp"

#include <hotslot/process/isolation.hpp>

#include <filesystem>
#include <string>

namespace hotslot::daemon {

/// The member "isolation", where it is there: what it does not name stays as it is in `to`. Paths start in
/// `folder`.
void read_isolation(json_object& in, const std::filesystem::path& folder, process::isolation& to);

/// The same for the same isolation only.
std::string identity_of(const process::isolation& isolation);

} // namespace hotslot::daemon
