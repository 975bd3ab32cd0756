#include "process/output/line_splitter.hpp"

#include "catch.hpp"

#include <vector>

using hotslot::process::detail::line_splitter;

namespace {

std::vector<std::string> split(std::size_t limit, const std::vector<std::string>& pieces) {
  std::vector<std::string> lines;
  const auto emit = [&](std::string_view line) { lines.emplace_back(line); };
  line_splitter splitter(limit);
  for (const auto& piece : pieces)
    splitter.feed(piece, emit);
  splitter.finish(emit);
  return lines;
}

using lines = std::vector<std::string>;

} // namespace

TEST_CASE("lines are found wherever the pieces are cut") {
  const std::string text = "one\ntwo\r\n\nfour";
  for (std::size_t cut = 0; cut <= text.size(); ++cut)
    CHECK(split(10, {text.substr(0, cut), text.substr(cut)}) == lines{"one", "two", "", "four"});
}

TEST_CASE("a line end at the end makes no empty line") {
  CHECK(split(10, {"one\n"}) == lines{"one"});
  CHECK(split(10, {}) == lines{});
  CHECK(split(10, {"\n"}) == lines{""});
}

TEST_CASE("long lines are cut, and the next begins at its own start") {
  CHECK(split(4, {"1234\n12345678\nab\n"}) == lines{"1234", "1234", "ab"});
  CHECK(split(4, {"123", "456", "78\nab"}) == lines{"1234", "ab"});
}

TEST_CASE("where a line begins is told, also where it was cut") {
  std::vector<std::uint64_t> begins;
  line_splitter splitter(4);
  const auto emit = [&](std::string_view) { begins.push_back(splitter.line_begin()); };
  for (const auto* piece : {"12345", "678\n\na", "b\nc"})
    splitter.feed(piece, emit);
  splitter.finish(emit);
  CHECK(begins == std::vector<std::uint64_t>{0, 9, 10, 13});
}
