#include "ctl/selection.hpp"

#include "catch.hpp"

using namespace hotslot::ctl;

TEST_CASE("s goes round the orders") {
  selection s("", "");
  CHECK(s.query() == "by=need");
  CHECK(s.type("s"));
  CHECK(s.query() == "by=errors");
  CHECK(s.type("sss"));
  CHECK(s.query() == "by=acquired");
  CHECK(s.describe() == "by acquired (s: next order, /: filter, q: end)");
  CHECK(s.type("s"));
  CHECK(s.query() == "by=need");
  selection own("launched", "");
  CHECK(own.query() == "by=launched");
  CHECK(own.type("s"));
  CHECK(own.query() == "by=need");
}

TEST_CASE("a filter is in force when it has been typed") {
  selection s("errors", "");
  CHECK(s.type("/quu"));
  CHECK(s.query() == "by=errors");
  CHECK(s.describe() == "filter: quu_");
  CHECK(s.type("\x7f x\xc3\xb6\x7f\n"));
  CHECK(s.query() == "by=errors&match=qu%20x");
  CHECK(s.describe() == "by errors, those with 'qu x' (s: next order, /: filter, q: end)");
  CHECK(s.type("/&"));
  CHECK(s.type("\x1b[D")); // an arrow
  CHECK(s.describe() == "filter: qu x&_");
  CHECK(s.type("\x1b"));
  CHECK(s.query() == "by=errors&match=qu%20x");
  CHECK(s.type("/\x15\n"));
  CHECK(s.query() == "by=errors");
  CHECK(s.type("/\x7f\x7f" + std::string(500, 'a') + "\n"));
  CHECK(s.query().size() < 230);
}

TEST_CASE("q ends it, but for within a text") {
  selection s("", "a");
  CHECK(s.type("x\x1b"));
  CHECK_FALSE(s.type("q"));
  CHECK(s.type("/q"));
  CHECK(s.type("\x1b"));
  CHECK_FALSE(s.type("sQ"));
}
