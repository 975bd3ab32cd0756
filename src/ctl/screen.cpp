#include "screen.hpp"

#include "failure.hpp"
#include "table.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string_view>

namespace hotslot::ctl {
namespace {

// In order: the other page, no cursor, no new lines at the right margin; and back.
constexpr std::string_view enter_page = "\x1b[?1049h\x1b[?25l\x1b[?7l";
constexpr std::string_view leave_page = "\x1b[?7h\x1b[?25h\x1b[?1049l";
constexpr std::string_view top = "\x1b[H";
constexpr std::string_view clear_line = "\x1b[K";
constexpr std::string_view clear_below = "\x1b[J";

bool can_have_pages() {
  const char* name = std::getenv("TERM");
  return is_terminal() && name && *name && std::string_view(name) != "dumb";
}

winsize size_of_terminal() noexcept {
  winsize size{};
  ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
  return size;
}

} // namespace

bool is_terminal() noexcept { return ::isatty(STDOUT_FILENO) == 1; }

void write_out(std::string_view text) {
  while (!text.empty()) {
    const auto n = ::write(STDOUT_FILENO, text.data(), text.size());
    if (n < 0 && errno != EINTR)
      throw failure(exit_code::refused, std::string("cannot write: ") + std::strerror(errno));
    text.remove_prefix(n < 0 ? 0 : static_cast<std::size_t>(n));
  }
}

screen::screen()
  : terminal_(can_have_pages()) {}

std::size_t screen::rows() const noexcept {
  if (!terminal_)
    return std::numeric_limits<std::size_t>::max();
  const auto rows = size_of_terminal().ws_row;
  return rows != 0 ? rows : 24;
}

std::size_t screen::columns() const noexcept {
  if (!terminal_)
    return std::numeric_limits<std::size_t>::max();
  const auto columns = size_of_terminal().ws_col;
  return columns != 0 ? columns : 80;
}

void screen::enter() {
  if (!terminal_ || entered_)
    return;
  entered_ = true;
  if (::tcgetattr(STDIN_FILENO, &before_) == 0) {
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    silenced_ = ::tcsetattr(STDIN_FILENO, TCSANOW, &silent) == 0;
  }
  write_out(enter_page);
}

void screen::leave() noexcept {
  if (!entered_)
    return;
  entered_ = false;
  if (silenced_)
    ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  silenced_ = false;
  [[maybe_unused]] const auto written = ::write(STDOUT_FILENO, leave_page.data(), leave_page.size());
}

void screen::show(const std::vector<std::string>& lines) {
  std::string page(entered_ ? top : "");
  const auto shown = std::min(lines.size(), rows());
  for (std::size_t i = 0; i < shown; ++i) {
    page.append(clip(lines[i], columns()));
    if (entered_)
      page.append(clear_line).append(i + 1 == shown ? "" : "\n");
    else
      page.push_back('\n');
  }
  page.append(entered_ ? clear_below : "\n");
  write_out(page);
}

} // namespace hotslot::ctl
