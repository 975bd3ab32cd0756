#include "screen.hpp"

#include "failure.hpp"
#include "terminal_text.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
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

std::atomic<screen*> on_show{nullptr};

// Also of a program error. Only what may be done in a handler of signals is.
void give_back(int signal) noexcept {
  const int error = errno;
  if (screen* s = on_show.load())
    s->leave();
  ::raise(signal); // which ends it after this, as it would have without
  errno = error;
}

// Those that end a program if nobody minds, but for those that somebody does.
void give_back_on_signals() noexcept {
  struct sigaction ours {};
  ours.sa_handler = give_back;
  ours.sa_flags = static_cast<int>(SA_RESETHAND);
  sigfillset(&ours.sa_mask);
  for (int signal = 1; signal <= SIGRTMAX; ++signal) {
    struct sigaction known {};
    const bool ends = signal != SIGCHLD && signal != SIGCONT && signal != SIGURG && signal != SIGWINCH &&
                      signal != SIGTSTP && signal != SIGTTIN && signal != SIGTTOU;
    if (ends && ::sigaction(signal, nullptr, &known) == 0 && !(known.sa_flags & SA_SIGINFO) &&
        known.sa_handler == SIG_DFL)
      ::sigaction(signal, &ours, nullptr);
  }
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
  : terminal_(can_have_pages()) {
  if (!terminal_)
    return;
  on_show = this;
  give_back_on_signals();
}

screen::~screen() {
  leave();
  on_show = nullptr;
}

bool screen::has_keys() const noexcept { return terminal_ && ::isatty(STDIN_FILENO) == 1; }

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
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON);
    silent.c_cc[VMIN] = 0;
    silent.c_cc[VTIME] = 0;
    silenced_ = ::tcsetattr(STDIN_FILENO, TCSANOW, &silent) == 0;
  }
  write_out(enter_page);
}

void screen::leave() noexcept {
  if (!entered_.exchange(false))
    return;
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
