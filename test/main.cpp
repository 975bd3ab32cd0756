// The test runner's main. The seed of whatever is random in a suite is printed, and --rng-seed replays it.
#if !__has_include(<catch2/catch_all.hpp>)
#define CATCH_CONFIG_RUNNER
#endif
#include "catch.hpp"

#include <iostream>
#include <random>

int main(int argc, char** argv) {
  Catch::Session session;
  session.configData().rngSeed = std::random_device()();
  if (int rc = session.applyCommandLine(argc, argv); rc != 0)
    return rc;
  std::cout << "seed " << session.config().rngSeed() << std::endl;
  return session.run();
}
