// hotslot-simtest --seeds N [--seed S]: a queue, its callers and workers, in N runs.
#include "seeds.hpp"
#include "world.hpp"

int main(int argc, char** argv) {
  return hotslot::sim::run_seeds(argc, argv,
                                 [](std::uint64_t seed) { return hotslot::sim::world(seed).run(); });
}
