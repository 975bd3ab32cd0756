#include "ctl/event_stream.hpp"

#include "catch.hpp"

#include <string>
#include <vector>

using namespace hotslot::ctl;

namespace {

std::vector<std::string> events_of(std::string_view text, std::size_t piece) {
  std::vector<std::string> found;
  event_stream stream([&](std::string_view data) { found.emplace_back(data); });
  for (; !text.empty(); text.remove_prefix(std::min(piece, text.size())))
    stream.add(text.substr(0, piece));
  return found;
}

} // namespace

TEST_CASE("events are found wherever the stream is cut") {
  const std::string_view text =
      "retry: 1000\nevent: stats\ndata: {\"a\":1}\n\n"
      ": a comment\n\ndata:one\ndata: two\n\nid: 3\r\ndata: crlf\r\n\r\ndata: unfinished\n";
  const std::vector<std::string> expected{"{\"a\":1}", "one\ntwo", "crlf"};
  for (std::size_t piece = 1; piece <= text.size(); ++piece)
    CHECK(events_of(text, piece) == expected);
}
