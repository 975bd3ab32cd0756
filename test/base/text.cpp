#include "base/text.hpp"

#include "catch.hpp"

using namespace hotslot::base;

TEST_CASE("what can be read stays as it is") {
  for (const char* text : {"", "plain", "back\\slash \"quoted\"", "größer €  😀", "日本語"})
    CHECK(printable(text) == text);
}

TEST_CASE("what a terminal would act on is shown instead") {
  CHECK(printable("\x1b[2J\x1b]0;title\x07") == "\\x1b[2J\\x1b]0;title\\x07");
  CHECK(printable(std::string_view("a\0b\x7f", 4)) == "a\\x00b\\x7f");
  CHECK(printable("line\r\n\tnext") == "line\\r\\n\\tnext");
  CHECK(printable("\xc2\x9b"
                  "31m") == "\\xc2\\x9b31m");
  CHECK(printable("\xe2\x80\xa8|\xe2\x80\xae|\xe2\x81\xa6") ==
        "\\xe2\\x80\\xa8|\\xe2\\x80\\xae|\\xe2\\x81\\xa6"); // a new line, right to left, an isolate
  CHECK(printable("\xe2\x80\x8e|\xe2\x80\x8f|\xd8\x9c|\xe2\x81\xaf") ==
        "\\xe2\\x80\\x8e|\\xe2\\x80\\x8f|\\xd8\\x9c|\\xe2\\x81\\xaf"); // marks of a direction, and a shape of
                                                                       // digits
}

TEST_CASE("what is no UTF-8 is shown byte by byte") {
  CHECK(printable("\xff\xc3") == "\\xff\\xc3");
  CHECK(printable("\xc0\x8a\xed\xa0\x80") == "\\xc0\\x8a\\xed\\xa0\\x80");
  CHECK(printable("\xf4\x90\x80\x80\xe2\x82") == "\\xf4\\x90\\x80\\x80\\xe2\\x82");
}

TEST_CASE("characters may be let through") { CHECK(printable("a\n\tb\r", "\n\t") == "a\n\tb\\r"); }
