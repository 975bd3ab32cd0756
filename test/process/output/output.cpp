// Which call a line of output belongs to.
#include "process/output/output.hpp"

#include "../worker/fixture.hpp"

using namespace process_test;
using hotslot::process::detail::attributed_lines;
using hotslot::process::detail::recent_calls;

namespace {

// What the lines of one stream become, as "call:bytes before:line".
class stream {
 public:
  explicit stream(bool framed = false)
    : lines_(1, calls_, framed) {}

  /// The next call begins, and lines are written in it, but not read yet.
  void call(std::string_view id) { calls_.begin(id, {0, written_}); }
  void line(std::string_view text) {
    waiting_.emplace_back(text, written_);
    written_ += text.size() + 1;
  }
  void read() {
    for (const auto& [text, place] : std::exchange(waiting_, {}))
      lines_.take(text, place, keep_);
    lines_.read_to(written_);
  }
  std::vector<std::string> all() {
    read();
    lines_.finish(keep_);
    return all_;
  }

 private:
  recent_calls calls_;
  attributed_lines lines_;
  std::uint64_t written_ = 0;
  std::vector<std::pair<std::string, std::uint64_t>> waiting_;
  std::vector<std::string> all_;
  std::function<void(std::string_view, std::string_view, std::uint64_t)> keep_ =
      [this](std::string_view line, std::string_view call, std::uint64_t before) {
        all_.push_back(std::string(call) + ':' + std::to_string(before) + ':' + std::string(line));
      };
};

using lines = std::vector<std::string>;

} // namespace

TEST_CASE("a line belongs to the call in which it was written, whenever it is read") {
  const bool late = GENERATE(false, true);
  stream s;
  s.line("start");
  s.call("a");
  s.line("one");
  s.line("");
  s.line("three");
  if (!late)
    s.read();
  s.call("b");
  s.line("four");
  CHECK(s.all() == lines{":0:start", "a:0:one", "a:4:", "a:5:three", "b:0:four"});
}

TEST_CASE("frames tell the call, however late they are read") {
  stream s(true);
  s.call("a");
  s.call("b");
  for (const auto* text : {"", "hotslot-call=a", "one", "", "hotslot-call=b", "two", ""})
    s.line(text);
  CHECK(s.all() == lines{"a:0:one", "b:0:two", "b:4:"});
}

TEST_CASE("of empty lines, only the frame's own is left out") {
  stream s(true);
  s.call("a");
  for (const auto* text : {"", "hotslot-call=a", "", "", "one"})
    s.line(text);
  s.call("b");
  for (const auto* text : {"", "", "hotslot-call=b", "two"})
    s.line(text);
  CHECK(s.all() == lines{"a:0:", "a:1:", "a:2:one", "a:6:", "b:0:two"});
}

TEST_CASE("a frame of another call, or of one from before, is a line as any other") {
  stream s(true);
  s.call("a");
  s.call("b");
  for (const auto* text :
       {"hotslot-call=b", "hotslot-call=a", "hotslot-call=stranger", "hotslot-call=b", "x"})
    s.line(text);
  CHECK(s.all() == lines{"b:0:hotslot-call=a", "b:15:hotslot-call=stranger", "b:37:x"});
}

TEST_CASE("without being asked for, a frame is a line") {
  stream s;
  s.call("a");
  s.line("hotslot-call=a");
  CHECK(s.all() == lines{"a:0:hotslot-call=a"});
}

TEST_CASE("a stream without frames is the latest call's, even where it was asked for them") {
  stream s(true);
  s.call("a");
  s.line("one");
  s.call("b");
  s.line("two");
  CHECK(s.all() == lines{"a:0:one", "b:0:two"});
}

TEST_CASE("lines that are read very late have their own calls") {
  stream s;
  lines expected;
  s.line("start");
  expected.push_back(":0:start");
  for (int n = 0; n < 500; ++n) {
    s.call("c" + std::to_string(n));
    if (n % 3 == 0)
      continue;
    s.line("in " + std::to_string(n));
    expected.push_back("c" + std::to_string(n) + ":0:in " + std::to_string(n));
  }
  CHECK(s.all() == expected);
}

TEST_CASE("what is older than all calls that are kept belongs to the oldest of them") {
  stream s;
  const auto all_calls = static_cast<int>(recent_calls::at_most) + 10;
  for (int n = 1; n <= all_calls; ++n) {
    s.call(std::to_string(n));
    s.line("x");
  }
  const auto all = s.all();
  CHECK(all.front() == "11:0:x");
  CHECK(all.at(10) == "11:20:x");
  CHECK(all.at(11) == "12:0:x");
  CHECK(all.back() == std::to_string(all_calls) + ":0:x");
}

TEST_CASE("a call that nothing unread belongs to makes room for others") {
  stream s(true);
  s.call("a");
  s.line("hotslot-call=a");
  s.read();
  for (std::size_t n = 0; n < recent_calls::at_first; ++n)
    s.call("b" + std::to_string(n));
  s.line("hotslot-call=a"); // not known any more
  s.line("hotslot-call=b7");
  s.line("x");
  CHECK(s.all() == lines{"a:0:hotslot-call=a", "b7:0:x"});
}

TEST_CASE("the lines of a process carry the calls that it is sent") {
  fixture f;
  auto spec = function("talk");
  spec.log_frames = GENERATE(false, true);
  lines written;
  const auto sink = [&](process::log_source source, std::string_view line, const process::worker_info& w) {
    if (source == process::log_source::out || source == process::log_source::err)
      written.push_back(std::string(w.call_id) + (source == process::log_source::out ? " out " : " err ") +
                        std::string(line));
  };
  f.run([&]() -> awaitable<void> {
    const function_launcher launcher(f.context().get_executor(), spec, f.root(), sink);
    auto slot = co_await launcher();
    for (const std::string id : {"first", "second"}) {
      process::caller_request caller;
      caller.body() = "hi";
      written.clear();
      co_await slot.call(process::make_call_request(std::move(caller), {.call_id = id, .deadline = {}}));
      while (written.size() < 2)
        co_await asio::post(asio::use_awaitable);
      std::sort(written.begin(), written.end());
      CHECK(written == lines{id + " err " + id, id + " out " + id + " hi"});
    }
  });
}
