#include "seeds.hpp"

#include "arguments.hpp"

#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <random>

namespace hotslot::sim {
namespace {

std::uint64_t running = 0;

// Whatever ends the program, the seed is known.
[[noreturn]] void tell_seed() {
  std::cout << "seed " << running << ": the program ends" << std::endl;
  std::abort();
}

} // namespace

int run_seeds(int argc, char** argv, std::string (*run)(std::uint64_t seed)) {
  std::uint64_t seeds = 1000, first = std::random_device()();
  if (!parse_arguments(argc, argv, {{"--seeds", &seeds}, {"--seed", &first}})) {
    std::cerr << "usage: " << argv[0] << " [--seeds N] [--seed S]\n";
    return 2;
  }
  std::cout << "seeds " << first << " to " << first + seeds - 1 << std::endl;
  std::set_terminate(tell_seed);
  const auto began = std::chrono::steady_clock::now();
  for (std::uint64_t n = 0; n < seeds; ++n) {
    const std::uint64_t seed = running = first + n;
    const std::string wrong = run(seed);
    if (!wrong.empty()) {
      std::cout << "seed " << seed << ": " << wrong << "\nafter " << n + 1 << " seeds" << std::endl;
      return 1;
    }
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::cout << seeds << " seeds, nothing wrong, " << took.count() << " s" << std::endl;
  return 0;
}

} // namespace hotslot::sim
