// Catch2 v3 where it is installed, v2 (Debian 12) otherwise; with v3's names, which v2 has not.
#ifndef HOTSLOT_TEST_CATCH_HPP
#define HOTSLOT_TEST_CATCH_HPP

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>

using Catch::Approx;
#else
#include <catch2/catch.hpp>

namespace Catch::Matchers {
inline auto ContainsSubstring(const std::string& text) { return Contains(text); }
} // namespace Catch::Matchers
#endif

#endif
