// hotslot-modeltest [--operations N] [--seed S]: random operations on the queue and on a simple model of it.
// A sequence on which they differ is made as short as it gets, and printed.
#include "../sim/arguments.hpp"
#include "../sim/random.hpp"
#include "comparison.hpp"

#include <array>
#include <chrono>
#include <iostream>
#include <random>

using namespace hotslot;
using namespace hotslot::model;

namespace {

/// How likely each action is: drawn anew for each sequence, so that some happen in crowds.
std::array<std::uint32_t, action_count> some_weights(sim::random& r) {
  std::array<std::uint32_t, action_count> weights;
  for (auto& w : weights)
    w = r.below(4) * r.below(4);
  for (const action rare : {action::close, action::limit, action::cancel_all})
    weights[static_cast<std::size_t>(rare)] = r.below(2);
  weights[static_cast<std::size_t>(action::run)] += 2;
  return weights;
}

sequence some_sequence(std::uint64_t seed) {
  sim::random r(seed);
  const auto weights = some_weights(r);
  std::uint32_t sum = 0;
  for (const auto w : weights)
    sum += w;
  sequence result(20 + r.below(60));
  for (operation& op : result) {
    auto at = r.below(sum);
    std::size_t which = 0;
    while (at >= weights[which])
      at -= weights[which++];
    op = {static_cast<action>(which), r.below(1000)};
  }
  return result;
}

/// Leaves out what it can, ever smaller parts, as long as something is still wrong.
sequence shrink(sequence failing) {
  for (std::size_t part = failing.size() / 2; part != 0; part /= 2)
    for (std::size_t at = 0; at + part <= failing.size();) {
      sequence shorter = failing;
      const auto first = shorter.begin() + static_cast<std::ptrdiff_t>(at);
      shorter.erase(first, first + static_cast<std::ptrdiff_t>(part));
      if (compare(shorter).empty())
        ++at;
      else
        failing = std::move(shorter);
    }
  return failing;
}

void print(std::uint64_t seed, const sequence& failing) {
  std::cout << "seed " << seed << ", made as short as it gets, " << compare(failing) << '\n';
  for (const operation& op : failing)
    std::cout << "  " << name_of(op.what) << ' ' << op.n << '\n';
}

} // namespace

int main(int argc, char** argv) {
  std::uint64_t operations = 1'000'000, seed = std::random_device()();
  if (!sim::parse_arguments(argc, argv, {{"--operations", &operations}, {"--seed", &seed}})) {
    std::cerr << "usage: hotslot-modeltest [--operations N] [--seed S]\n";
    return 2;
  }
  std::cout << "from seed " << seed << std::endl;
  const auto began = std::chrono::steady_clock::now();
  std::uint64_t done = 0;
  for (; done < operations; ++seed) {
    const sequence s = some_sequence(seed);
    if (!compare(s).empty()) {
      print(seed, shrink(s));
      return 1;
    }
    done += s.size();
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::cout << done << " operations, nothing wrong, " << took.count() << " s" << std::endl;
}
