// hotslot-simtest --seeds N [--seed S]: simulates N runs, from seed S on, and stops at the first that goes
// wrong.
#include "world.hpp"

#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <optional>
#include <random>
#include <string_view>

namespace {

struct arguments {
  std::uint64_t seeds = 1000;
  std::uint64_t seed = std::random_device()();
};

bool parse(std::string_view text, std::uint64_t& out) {
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), out);
  return ec == std::errc() && end == text.data() + text.size();
}

std::optional<arguments> parse(int argc, char** argv) {
  arguments a;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name = argv[i];
    auto* const target = name == "--seeds" ? &a.seeds : name == "--seed" ? &a.seed : nullptr;
    if (!target || i + 1 == argc || !parse(argv[i + 1], *target))
      return std::nullopt;
  }
  return a;
}

} // namespace

int main(int argc, char** argv) {
  const auto args = parse(argc, argv);
  if (!args) {
    std::cerr << "usage: hotslot-simtest [--seeds N] [--seed S]\n";
    return 2;
  }
  std::cout << "seeds " << args->seed << " to " << args->seed + args->seeds - 1 << std::endl;
  const auto began = std::chrono::steady_clock::now();
  for (std::uint64_t n = 0; n < args->seeds; ++n) {
    const std::uint64_t seed = args->seed + n;
    const std::string wrong = hotslot::sim::world(seed).run();
    if (!wrong.empty()) {
      std::cout << "seed " << seed << ": " << wrong << "\nafter " << n + 1 << " seeds" << std::endl;
      return 1;
    }
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::cout << args->seeds << " seeds, nothing wrong, " << took.count() << " s" << std::endl;
}
