// The descriptors that a program is started with, and how many it may have.
#pragma once

#include <cstdint>
#include <optional>

namespace hotslot::base {

/// Opens /dev/null for each of the first three that is closed: the next file that is opened would be taken
/// for it.
void open_standard_descriptors() noexcept;

/// Lets this process have as many as it may allow itself. Before it has threads.
void raise_descriptor_limit() noexcept;

/// How many it may have.
std::uint64_t descriptor_limit() noexcept;

/// What it was given, before `raise_descriptor_limit`, which is what its children expect; nothing where it
/// has as many as it was given. Async-signal-safe.
std::optional<std::uint64_t> given_descriptor_limit() noexcept;

} // namespace hotslot::base
