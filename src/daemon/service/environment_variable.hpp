// Variables that are meant for this process alone: read once, and gone then.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hotslot::daemon {

/// Nothing where it is not set, or empty. To be called before there are threads.
std::optional<std::string> take_variable(const char* name);

/// Throws `std::runtime_error`, naming the variable, where it is no whole number.
std::optional<std::uint64_t> take_number(const char* name);

/// Throws `std::runtime_error`.
[[noreturn]] void refuse_variable(std::string_view name, std::string_view why);

} // namespace hotslot::daemon
