#include "ctl/table.hpp"

#include "catch.hpp"

using namespace hotslot::ctl;

TEST_CASE("columns are as wide as their widest cell") {
  table t({"NAME", "N", "TEXT<", "LAST<"});
  t.add({"größer", "1", "a", ""});
  t.add({"b", "1000", "long", "x"});
  CHECK(t.rows() == 2);
  CHECK(t.lines() ==
        std::vector<std::string>{"NAME       N  TEXT  LAST", "größer     1  a", "b       1000  long  x"});
}

TEST_CASE("cells do nothing to a terminal") {
  table t({"A"});
  t.add({"\x1b[2J\n"});
  CHECK(t.lines() == std::vector<std::string>{"A", "\\x1b[2J\\n"});
}

TEST_CASE("a line is cut between characters") {
  CHECK(clip("größer", 6) == "größer");
  CHECK(clip("größer", 5) == "größ…");
  CHECK(clip("größer", 4) == "grö…");
  CHECK(clip("größer", 1) == "…");
  CHECK(clip("größer", 0).empty());
}
