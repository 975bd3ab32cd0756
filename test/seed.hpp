// The seed of random tests, as the runner prints it and takes it by --rng-seed.
#ifndef HOTSLOT_TEST_SEED_HPP
#define HOTSLOT_TEST_SEED_HPP

#include "catch.hpp"

#include <cstdint>

inline std::uint32_t random_seed() {
#if __has_include(<catch2/catch_all.hpp>)
  return Catch::getSeed();
#else
  return Catch::rngSeed();
#endif
}

#endif
