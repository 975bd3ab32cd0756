// hotslot-simtest --seeds N [--seed S]: simulates N runs, from seed S on, and stops at the first that goes
// wrong.
#include "arguments.hpp"
#include "world.hpp"

#include <chrono>
#include <iostream>
#include <random>

int main(int argc, char** argv) {
  std::uint64_t seeds = 1000, first = std::random_device()();
  if (!hotslot::sim::parse_arguments(argc, argv, {{"--seeds", &seeds}, {"--seed", &first}})) {
    std::cerr << "usage: hotslot-simtest [--seeds N] [--seed S]\n";
    return 2;
  }
  std::cout << "seeds " << first << " to " << first + seeds - 1 << std::endl;
  const auto began = std::chrono::steady_clock::now();
  for (std::uint64_t n = 0; n < seeds; ++n) {
    const std::uint64_t seed = first + n;
    const std::string wrong = hotslot::sim::world(seed).run();
    if (!wrong.empty()) {
      std::cout << "seed " << seed << ": " << wrong << "\nafter " << n + 1 << " seeds" << std::endl;
      return 1;
    }
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::cout << seeds << " seeds, nothing wrong, " << took.count() << " s" << std::endl;
}
