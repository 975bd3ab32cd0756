// What programs that simulate many runs have in common.
#ifndef HOTSLOT_TEST_SIM_SEEDS_HPP
#define HOTSLOT_TEST_SIM_SEEDS_HPP

#include <cstdint>
#include <string>

namespace hotslot::sim {

/// `program --seeds N [--seed S]`: calls `run` N times, from seed S on, and stops at the first that says what
/// went wrong. Returns what the program is to exit with.
int run_seeds(int argc, char** argv, std::string (*run)(std::uint64_t seed));

} // namespace hotslot::sim

#endif
