// Files as text.
#pragma once

#include <cstddef>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>

namespace hotslot::base {

/// All of it. Throws `std::runtime_error`, which says why it cannot be read, without its name.
std::string read_file(const std::filesystem::path& file,
                      std::size_t most = std::numeric_limits<std::size_t>::max());

/// Whether `path` is `place`, or below it. Both as they are written.
bool is_within(const std::filesystem::path& path, const std::filesystem::path& place);

} // namespace hotslot::base
