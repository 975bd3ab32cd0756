// Files as text.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>

namespace hotslot::base {

constexpr auto without_limit = std::numeric_limits<std::size_t>::max();
constexpr std::chrono::milliseconds for_ever{-1};

/// All of it. What is no file but a pipe is waited for, `longest` at most in all. Throws
/// `std::runtime_error`, which says why it cannot be read, without its name.
std::string read_file(const std::filesystem::path& file, std::size_t most = without_limit,
                      std::chrono::milliseconds longest = std::chrono::seconds(10));

/// Whether `path` is `place`, or below it. Both as they are written.
bool is_within(const std::filesystem::path& path, const std::filesystem::path& place);

} // namespace hotslot::base
