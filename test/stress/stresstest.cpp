// hotslot-stresstest [--rounds N] [--seed S]: threads that use one queue at once, N times, from seed S on.
// Stops at the first round whose history is not linearizable.
#include "../sim/arguments.hpp"
#include "round.hpp"

#include <chrono>
#include <iostream>
#include <random>

int main(int argc, char** argv) {
  std::uint64_t rounds = 1000, first = std::random_device()();
  if (!hotslot::sim::parse_arguments(argc, argv, {{"--rounds", &rounds}, {"--seed", &first}})) {
    std::cerr << "usage: hotslot-stresstest [--rounds N] [--seed S]\n";
    return 2;
  }
  std::cout << "seeds " << first << " to " << first + rounds - 1 << std::endl;
  const auto began = std::chrono::steady_clock::now();
  for (std::uint64_t seed = first; seed != first + rounds; ++seed) {
    const std::string wrong = hotslot::stress::round(seed).run();
    if (!wrong.empty()) {
      std::cout << "seed " << seed << ": " << wrong << "\nafter " << seed - first + 1 << " rounds"
                << std::endl;
      return 1;
    }
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::cout << rounds << " rounds, nothing wrong, " << took.count() << " s" << std::endl;
}
