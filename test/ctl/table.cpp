#include "ctl/table.hpp"
#include "ctl/terminal_text.hpp"

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

TEST_CASE("columns stay where they are behind wide characters") {
  CHECK(width("größer") == 6);
  CHECK(width("日本語") == 6);
  CHECK(width("😀") == 2);
  CHECK(width("e\u0301\u200b") == 1);
  CHECK(width("\U0010ffff\xff") == 2);
  table t({"NAME", "N"});
  t.add({"日本", "1"});
  t.add({"e\u0301a", "2"});
  CHECK(t.lines() == std::vector<std::string>{"NAME  N", "日本  1", "e\u0301a    2"});
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
  CHECK(clip("日本語", 6) == "日本語");
  CHECK(clip("日本語", 5) == "日本…");
  CHECK(clip("日本語", 4) == "日…");
  CHECK(clip("bass", 3, charset::ascii) == "ba~");
}

TEST_CASE("where there is no UTF-8, there are no bytes of it") {
  CHECK(printable("\xc3\x9b ok\n", "\n", charset::ascii) == "\\xc3\\x9b ok\n");
  CHECK(printable("\xc3\x9b ok\n", "", charset::utf8) == "\xc3\x9b ok\\n");
  CHECK(charset_of(-1) == charset::utf8); // no terminal
}
