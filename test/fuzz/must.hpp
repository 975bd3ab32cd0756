// What has to be so for any input: else the fuzzer keeps it.
#ifndef HOTSLOT_TEST_FUZZ_MUST_HPP
#define HOTSLOT_TEST_FUZZ_MUST_HPP

#include <cstdio>
#include <cstdlib>

namespace hotslot::test {

inline void must(bool holds, const char* what) {
  if (holds)
    return;
  std::fprintf(stderr, "not so: %s\n", what);
  std::abort();
}

} // namespace hotslot::test

#endif
