// Lines that wait for what blocks.
#include "daemon/log/line_queue.hpp"

#include "catch.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <future>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace hotslot::daemon;
using namespace std::chrono_literals;
using result = line_queue::result;

// Holds its thread up until it is let go.
struct stalled_sink {
  lines_written operator()(std::string_view lines) const {
    entered->set_value();
    go_on.wait();
    all->append(lines);
    return {};
  }

  std::shared_ptr<std::promise<void>> entered = std::make_shared<std::promise<void>>();
  std::shared_future<void> go_on;
  std::shared_ptr<std::string> all = std::make_shared<std::string>();
};

// 14.16
TEST_CASE("what finds no room is lost and counted, while the thread is held up") {
  std::promise<void> let_go;
  stalled_sink sink{.go_on = let_go.get_future().share()};
  const auto all = sink.all;
  const auto entered = sink.entered;
  {
    const line_thread thread(10min);
    const auto queue = std::make_shared<line_queue>(
        thread,
        [sink, first = true](std::string_view lines) mutable {
          if (std::exchange(first, false))
            return sink(lines);
          sink.all->append(lines);
          return lines_written();
        },
        nullptr, 8);
    CHECK(queue->push("first") == result::taken);
    entered->get_future().wait();
    CHECK_FALSE(all_lines_are_written());
    CHECK(queue->push("abc") == result::taken);
    CHECK(queue->push("abcd") == result::first_lost);
    CHECK(queue->push("efg") == result::taken);
    CHECK(queue->push("") == result::lost);
    CHECK(queue->lost() == 2);
    let_go.set_value();
  }
  CHECK(*all == "first\nabc\nefg\n");
  CHECK(all_lines_are_written());
}

// 14.16
TEST_CASE("the end waits for a stalled thread for so long, and leaves it alone then") {
  std::promise<void> let_go;
  stalled_sink sink{.go_on = let_go.get_future().share()};
  const auto entered = sink.entered;
  bool told = false;
  {
    const line_thread thread(1ms);
    const auto queue = std::make_shared<line_queue>(
        thread,
        [sink](std::string_view lines) {
          sink(lines);
          return lines_written{1, "late"};
        },
        [&told](const std::string&) { told = true; });
    queue->push("x");
    entered->get_future().wait();
    queue->push("never written");
  }
  let_go.set_value();
  CHECK_FALSE(told);
}

// 14.16
TEST_CASE("a failure is told once, and its lines are counted") {
  std::vector<std::string> told;
  const auto failing = std::make_shared<std::atomic<bool>>(true);
  {
    const line_thread thread(10min);
    const auto queue = std::make_shared<line_queue>(
        thread,
        [failing](std::string_view lines) {
          const auto n = static_cast<std::size_t>(std::count(lines.begin(), lines.end(), '\n'));
          return *failing ? lines_written{n, "full"} : lines_written();
        },
        [&](const std::string& error) { told.push_back(error); });
    for (int i = 0; i < 100; ++i)
      queue->push("x");
    while (queue->lost() < 100)
      std::this_thread::yield();
    *failing = false;
    queue->push("y");
    CHECK(queue->lost() == 100);
  }
  CHECK(told == std::vector<std::string>{"full"});
}

// 14.16
TEST_CASE("lines are written to a descriptor that others have made non-blocking, and those of a broken pipe "
          "counted") {
  std::array<int, 2> ends;
  REQUIRE(::pipe(ends.data()) == 0);
  ::fcntl(ends[1], F_SETFL, O_NONBLOCK);
  std::string lines;
  for (int i = 0; i < 30'000; ++i)
    lines.append(std::to_string(i)).push_back('\n');
  std::string read;
  std::thread reader([&] {
    std::array<char, 4096> piece;
    for (ssize_t n; (n = ::read(ends[0], piece.data(), piece.size())) > 0;)
      read.append(piece.data(), static_cast<std::size_t>(n));
  });
  CHECK(write_lines(ends[1], lines).lost == 0);
  ::close(ends[1]);
  reader.join();
  CHECK(read == lines);
  ::close(ends[0]);

  REQUIRE(::pipe(ends.data()) == 0);
  ::close(ends[0]);
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  const auto done = write_lines(ends[1], "a\nb\n");
  std::signal(SIGPIPE, before);
  ::close(ends[1]);
  CHECK(done.lost == 2);
  CHECK_FALSE(done.error.empty());
}

} // namespace
