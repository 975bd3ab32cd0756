// Which functions of two configurations are the same.
#include "daemon/calls/function_match.hpp"

#include "catch.hpp"

#include <cmath>
#include <compare>
#include <string>
#include <vector>

namespace {

using namespace hotslot::daemon;

std::size_t comparisons = 0;

struct counted {
  std::string text;

  friend std::strong_ordering operator<=>(const counted& a, const counted& b) {
    ++comparisons;
    return a.text <=> b.text;
  }
  friend bool operator==(const counted& a, const counted& b) {
    ++comparisons;
    return a.text == b.text;
  }
};

struct named {
  counted app, name;
};

std::vector<named> functions(std::size_t from, std::size_t to) {
  std::vector<named> all;
  for (auto i = from; i < to; ++i)
    all.push_back({{"app" + std::to_string(i % 7)}, {"function" + std::to_string(i)}});
  return all;
}

} // namespace

TEST_CASE("functions are the same by app and name, wherever they are") {
  const std::vector<named> before{{{"a"}, {"x"}}, {{"a"}, {"y"}}, {{"b"}, {"x"}}};
  const std::vector<named> now{{{"b"}, {"x"}}, {{"b"}, {"y"}}, {{"a"}, {"x"}}};
  const auto match = match_functions(before, now);
  CHECK(match.before == std::vector<std::optional<std::size_t>>{2, std::nullopt, 0});
  CHECK(match.gone == std::vector<std::size_t>{1});
}

// 14.19
TEST_CASE("so many functions take n log n comparisons") {
  for (const std::size_t n : {100, 8000}) {
    comparisons = 0;
    const auto match = match_functions(functions(0, n), functions(n / 2, n + n / 2));
    CHECK(match.gone.size() == n / 2);
    CHECK(static_cast<double>(comparisons) < 10 * static_cast<double>(n) * std::log2(n));
  }
}
