// What the machine, or the control group around this process, has.
#ifndef HOTSLOT_MACHINE_HPP
#define HOTSLOT_MACHINE_HPP

#include <hotslot/resources.hpp>

#include <filesystem>

namespace hotslot {

/// Memory and processors as this process may use them: the least of what `/proc/meminfo`, the scheduler's
/// affinity and the limits of control groups (v1 and v2) say. What cannot be read is left out. `root` is
/// where `proc` and `sys` are looked for. Nothing is taken off for the host.
resources machine_resources(const std::filesystem::path& root = "/");

/// The same less the host's headroom (`memory_headroom_mb`); never less than 1 MB.
resources usable_machine_resources(const std::filesystem::path& root = "/");

} // namespace hotslot

#endif
