// Catch2 v3 where it is installed, v2 (Debian 12) otherwise.
#ifndef HOTSLOT_TEST_CATCH_HPP
#define HOTSLOT_TEST_CATCH_HPP

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif

#endif
