// What examples do, with their context destroyed after each number of handlers, until they end by themselves.
// Those that serve or need a server are left out: what comes over a socket comes in no order that could be
// counted.
#include "catch.hpp"

#include <hotslot.hpp>

#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>

#include <algorithm>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace boost::asio {

/// Runs no more handlers than it may, and says whether there were more.
class short_context : public io_context {
 public:
  void run() {
    for (; left != 0; --left)
      if (run_one() == 0)
        return;
    cut = true;
  }

  static inline std::size_t left = 0;
  static inline bool cut = false;
};

} // namespace boost::asio

#define io_context short_context
#define main                                                                                                 \
  none(); /* which would have to return something */                                                         \
  void example
namespace cut_short {
namespace checkout {
#include "../../examples/checkout.cpp"
}
namespace deadline {
#include "../../examples/deadline.cpp"
}
namespace dequeuer {
#include "../../examples/dequeuer.cpp"
}
namespace keys {
#include "../../examples/keys.cpp"
}
namespace two_pools {
#include "../../examples/two_pools.cpp"
}
} // namespace cut_short
#undef main
#undef io_context

namespace cut_short {
namespace {

using context = boost::asio::short_context;

struct unprinted {
  unprinted()
    : before(std::cout.rdbuf(text.rdbuf())) {}
  unprinted(const unprinted&) = delete;
  ~unprinted() { std::cout.rdbuf(before); }

  std::ostringstream text;
  std::streambuf* const before;
};

/// How many handlers it takes to its end.
std::size_t cut_everywhere(void (*example)()) {
  std::size_t n = 0;
  do {
    context::left = n++;
    context::cut = false;
    const unprinted nothing;
    example();
  } while (context::cut);
  return n - 1;
}

} // namespace

// 15: Must show 3
TEST_CASE("the context of an example may end after each of its handlers", "[examples]") {
  CHECK(cut_everywhere(checkout::example) > 3);
  CHECK(cut_everywhere(deadline::example) > 3);
  CHECK(cut_everywhere(dequeuer::example) > 3);
  CHECK(cut_everywhere(keys::example) > 3);
  CHECK(cut_everywhere(two_pools::example) > 3);
}

} // namespace cut_short
