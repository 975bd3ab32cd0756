// A small generator whose whole state is its seed, the same on every platform.
#ifndef HOTSLOT_TEST_SIM_RANDOM_HPP
#define HOTSLOT_TEST_SIM_RANDOM_HPP

#include <cstdint>

namespace hotslot::sim {

/// SplitMix64 (G. Steele, D. Lea, C. Flood: Fast splittable pseudorandom number generators, 2014).
class random {
 public:
  explicit random(std::uint64_t seed) noexcept
    : state_(seed) {}

  std::uint64_t operator()() noexcept {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  /// From 0 to `n` - 1.
  std::uint32_t below(std::uint32_t n) noexcept {
    return static_cast<std::uint32_t>(((*this)() >> 32) * n >> 32);
  }
  bool one_in(std::uint32_t n) noexcept { return below(n) == 0; }

 private:
  std::uint64_t state_;
};

} // namespace hotslot::sim

#endif
