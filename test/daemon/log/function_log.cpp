// Lines of functions, and where they go.
#include "daemon/log/function_log.hpp"

#include "catch.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include <unistd.h>

namespace {

using namespace hotslot::daemon;
using hotslot::process::log_source;

class kept_lines final : public log_output {
 public:
  void write(const output_line& line) noexcept override {
    std::string text = std::to_string(static_cast<int>(line.severity));
    for (const auto& field : line.data)
      text.append(" ").append(field.name).append("=").append(field.value);
    all.push_back(text.append(": ").append(line.text));
  }
  std::uint64_t lost() const override { return 0; }

  std::vector<std::string> all;
};

// A function's worker, as it tells of its lines.
struct writing {
  void line(log_source source, std::string_view text, std::uint64_t before = 0) {
    log.write(source, text,
              {.function = spec, .worker_id = 7, .pid = 4711, .call_id = "0af3", .call_bytes = before});
  }

  hotslot::process::function_spec spec = [] {
    hotslot::process::function_spec s;
    s.app_name = "demo";
    s.fn_name = "echo";
    return s;
  }();
  std::ostringstream own;
  logger own_log{log_level::info, own};
  std::shared_ptr<kept_lines> to = std::make_shared<kept_lines>();
  function_log log{own_log, {.to = to, .max_bytes_per_call = 10}};
};

struct folder {
  folder() {
    char name[] = "/tmp/hotslot-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~folder() { std::filesystem::remove_all(path); }

  std::string read(const std::string& name) const {
    std::ifstream in(path / name);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  std::filesystem::path path;
};

log_target file(const std::filesystem::path& path) {
  log_target target;
  target.to = log_destination::file;
  target.file = path;
  return target;
}

// What another thread does: nobody tells that it is done.
template <class Predicate>
void eventually(Predicate is_so) {
  const auto late = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!is_so()) {
    REQUIRE(std::chrono::steady_clock::now() < late);
    std::this_thread::yield();
  }
}

const std::string worker = " app=demo fn=echo worker=7 call=0af3 stream=";

TEST_CASE("output goes where it is sent, and what becomes of a worker to the log") {
  writing w;
  w.line(log_source::out, "one");
  w.line(log_source::err, "two");
  w.line(log_source::lifecycle, "ready");
  CHECK(w.to->all == std::vector<std::string>{"6" + worker + "stdout: one", "3" + worker + "stderr: two"});
  CHECK(w.own.str().ends_with("level=info msg=ready app=demo fn=echo worker=7 pid=4711\n"));
  w.log.set({.to = nullptr, .max_bytes_per_call = 10});
  w.line(log_source::out, "three");
  CHECK(w.own.str().ends_with("level=info msg=output" + worker + "stdout line=three\n"));
  CHECK(w.to->all.size() == 2);
}

TEST_CASE("a call's limit is met exactly, and said once") {
  writing w;
  w.line(log_source::out, "abcd", 5); // and its line end: all ten
  CHECK(w.to->all.back() == "6" + worker + "stdout: abcd");
  w.line(log_source::out, "", 10);
  CHECK(w.to->all.back() == "4" + worker + "stdout: output cut: this call has written more than 10 bytes");
  w.line(log_source::err, "more", 11);
  w.line(log_source::out, "", 16);
  CHECK(w.to->all.size() == 2);
  CHECK(w.log.dropped() == 3);
  w.line(log_source::out, "next", 0);
  CHECK(w.to->all.size() == 3);
}

TEST_CASE("a line where there is nothing else is one of fields, or as it is") {
  const text_field data[] = {{"app", "a b"}, {"call", ""}};
  const std::chrono::system_clock::time_point time(std::chrono::milliseconds(1));
  CHECK(render(output_line{.time = time, .data = data, .text = "say \"hi\"\n"}) ==
        R"(time=1970-01-01T00:00:00.001Z app="a b" call="" line="say \"hi\"\n")");
}

TEST_CASE("equal targets share an output, which can be opened anew") {
  boost::asio::io_context io;
  const logger log(log_level::off);
  const folder f;
  {
    log_outputs outputs(io.get_executor(), log);
    CHECK_FALSE(outputs.get({}));
    const auto first = outputs.get(file(f.path / "sub/f.log"));
    CHECK(outputs.get(file(f.path / "sub/f.log")) == first);
    first->write({.time = {}, .text = "one"});
    eventually([&] { return f.read("sub/f.log") == "one\n"; });
    std::filesystem::rename(f.path / "sub/f.log", f.path / "moved");
    outputs.reopen();
    first->write({.time = {}, .text = "two"});
  }
  CHECK(f.read("moved") == "one\n");
  CHECK(f.read("sub/f.log") == "two\n");
}

// 14.19
TEST_CASE("a file is rotated otherwise from the moment on that this is taken up, by one output") {
  boost::asio::io_context io;
  const logger log(log_level::off);
  const folder f;
  auto target = file(f.path / "f.log");
  {
    log_outputs outputs(io.get_executor(), log);
    const auto output = outputs.get(target);
    output->write({.time = {}, .text = "one"});
    eventually([&] { return f.read("f.log") == "one\n"; });
    target.max_bytes = 5;
    CHECK(outputs.get(target) == output);
    output->write({.time = {}, .text = "two"});
    eventually([&] { return f.read("f.log") == "one\ntwo\n"; });
    outputs.take_up();
    output->write({.time = {}, .text = "six"});
  }
  CHECK(f.read("f.1.log") == "one\ntwo\n");
  CHECK(f.read("f.log") == "six\n");
}

TEST_CASE("files are opened anew together or not at all") {
  boost::asio::io_context io;
  const logger log(log_level::off);
  const folder f;
  {
    log_outputs outputs(io.get_executor(), log);
    const auto good = outputs.get(file(f.path / "good.log"));
    const auto bad = outputs.get(file(f.path / "sub/bad.log"));
    std::filesystem::remove_all(f.path / "sub");
    std::ofstream(f.path / "sub") << "no folder";
    std::filesystem::rename(f.path / "good.log", f.path / "moved");
    CHECK_THROWS_WITH(outputs.reopen(), Catch::Matchers::ContainsSubstring("sub/bad.log"));
    good->write({.time = {}, .text = "one"});
    CHECK_THROWS_AS(outputs.get(file(f.path / "sub/bad.log/x")), std::runtime_error);
  }
  CHECK(f.read("moved") == "one\n");
}

TEST_CASE("what a file cannot take is counted, and said once") {
  boost::asio::io_context io;
  std::ostringstream own;
  const logger log(log_level::info, own);
  {
    log_outputs outputs(io.get_executor(), log);
    auto full = file("/dev/full");
    full.max_bytes = 0;
    const auto output = outputs.get(full);
    output->write({.time = {}, .text = "one"});
    output->write({.time = {}, .text = "two"});
    eventually([&] { return outputs.lost().at("/dev/full") == 2; });
  }
  const auto text = own.str();
  const auto told = text.find("cannot be written");
  CHECK(told != std::string::npos);
  CHECK(text.find("cannot be written", told + 1) == std::string::npos);
}

} // namespace
