#include "file.hpp"

#include "unique_fd.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>

#include <fcntl.h>
#include <poll.h>

namespace hotslot::base {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail() { throw std::runtime_error(std::generic_category().message(errno)); }

// To open a pipe would wait for who writes it, unless it is opened so.
unique_fd open_now(const fs::path& file) {
  unique_fd fd(::open(file.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!fd)
    fail();
  return fd;
}

/// How long a pipe is waited for.
class patience {
 public:
  explicit patience(std::chrono::milliseconds most)
    : most_(most) {}

  void wait_for(int fd) const {
    pollfd one{.fd = fd, .events = POLLIN, .revents = 0};
    int ready = -1;
    do
      ready = ::poll(&one, 1, left());
    while (ready < 0 && errno == EINTR);
    if (ready == 0)
      fail();
  }

  void check() const {
    if (left() == 0)
      fail();
  }

 private:
  [[noreturn]] static void fail() {
    throw std::runtime_error("it is a pipe, and did not come to its end in time");
  }

  int left() const {
    if (most_ == for_ever)
      return -1;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(began_ + most_ - std::chrono::steady_clock::now());
    return static_cast<int>(std::max(left.count(), std::chrono::milliseconds::rep(0)));
  }

  const std::chrono::milliseconds most_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

std::size_t read_piece(int fd, std::array<char, 16 * 1024>& piece, const patience& limit) {
  for (;;) {
    const auto n = ::read(fd, piece.data(), piece.size());
    if (n >= 0)
      return static_cast<std::size_t>(n);
    if (errno == EAGAIN)
      limit.wait_for(fd);
    else if (errno != EINTR)
      fail();
  }
}

} // namespace

std::string read_file(const fs::path& file, std::size_t most, std::chrono::milliseconds longest) {
  std::error_code ignored;
  if (fs::is_directory(file, ignored))
    throw std::runtime_error("it is a directory");
  const unique_fd fd = open_now(file);
  const patience limit(longest);
  const bool is_pipe = fs::is_fifo(file, ignored);
  if (is_pipe)
    limit.wait_for(fd.get()); // until somebody writes it, it looks as if it were empty
  std::string text;
  std::array<char, 16 * 1024> piece;
  while (const auto n = read_piece(fd.get(), piece, limit)) {
    text.append(piece.data(), n);
    if (is_pipe)
      limit.check();
    if (text.size() > most)
      throw std::runtime_error("it is longer than " + std::to_string(most) + " bytes");
  }
  return text;
}

bool is_within(const fs::path& path, const fs::path& place) {
  return std::mismatch(place.begin(), place.end(), path.begin(), path.end()).first == place.end();
}

} // namespace hotslot::base
