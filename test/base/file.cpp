#include "base/file.hpp"
#include "base/unique_fd.hpp"

#include "catch.hpp"

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fs = std::filesystem;
using namespace hotslot::base;
using namespace std::chrono_literals;

namespace {

class directory {
 public:
  directory() {
    std::string name = fs::temp_directory_path() / "hotslot-file-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~directory() { fs::remove_all(path_); }
  fs::path operator/(const char* name) const { return path_ / name; }

 private:
  fs::path path_;
};

fs::path pipe_in(const directory& in) {
  const auto pipe = in / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  return pipe;
}

std::string why_not(const fs::path& file, std::size_t most = without_limit) {
  try {
    return "read: " + read_file(file, most, 1ms);
  } catch (const std::runtime_error& e) {
    return e.what();
  }
}

} // namespace

TEST_CASE("all of a file is read") {
  const directory in;
  const std::string text(100'000, 'x');
  std::ofstream(in / "file") << text;
  CHECK(read_file(in / "file") == text);
  CHECK(why_not(in / "file", 99'999) == "it is longer than 99999 bytes");
}

TEST_CASE("what cannot be read is told") {
  const directory in;
  CHECK(why_not(in / "none") == "No such file or directory");
  CHECK(why_not(in / ".") == "it is a directory");
  CHECK(why_not("/dev/zero", 1000) == "it is longer than 1000 bytes");
}

TEST_CASE("a pipe that nobody writes ends by itself") {
  const directory in;
  CHECK(why_not(pipe_in(in)) == "it is a pipe, and did not come to its end in time");
}

TEST_CASE("so does one whose writer says nothing") {
  const directory in;
  const auto pipe = pipe_in(in);
  const unique_fd reader(::open(pipe.c_str(), O_RDONLY | O_NONBLOCK));
  const unique_fd writer(::open(pipe.c_str(), O_WRONLY));
  REQUIRE(writer);
  CHECK(why_not(pipe) == "it is a pipe, and did not come to its end in time");
}

TEST_CASE("and one whose writer goes on and on") {
  const directory in;
  const auto pipe = pipe_in(in);
  const unique_fd both(::open(pipe.c_str(), O_RDWR | O_NONBLOCK));
  std::atomic<bool> done = false;
  std::thread writer([&] {
    while (!done)
      (void)!::write(both.get(), "x", 1);
  });
  CHECK_THROWS(read_file(pipe, without_limit, 1ms));
  done = true;
  writer.join();
}

TEST_CASE("a pipe is waited for, to its end") {
  const directory in;
  const auto pipe = pipe_in(in);
  const std::string text(100'000, 'x');
  std::thread writer([&] { std::ofstream(pipe) << text; });
  CHECK(read_file(pipe, without_limit, for_ever) == text);
  writer.join();
}
