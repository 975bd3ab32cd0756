// hotslot-pooltest --seeds N [--seed S]: pools that share a machine, in N runs.
#include "pools_world.hpp"
#include "seeds.hpp"

int main(int argc, char** argv) {
  return hotslot::sim::run_seeds(argc, argv,
                                 [](std::uint64_t seed) { return hotslot::sim::pools_world(seed).run(); });
}
