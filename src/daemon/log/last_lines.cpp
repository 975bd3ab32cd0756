#include "last_lines.hpp"

#include "line_queue.hpp"
#include "log.hpp"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstddef>
#include <ctime>

namespace hotslot::daemon {
namespace {

constexpr int longest_wait_ms = 5000;

std::atomic<bool> journal{false};

// Only what may be done in a handler of signals is.
void say_which(int signal) noexcept {
  char line[] = "<2>level=critical msg=failed signal=00\n";
  line[sizeof line - 4] = static_cast<char>('0' + signal / 10);
  line[sizeof line - 3] = static_cast<char>('0' + signal % 10);
  const std::size_t priority = journal.load() ? 0 : 3;
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line + priority, sizeof line - 1 - priority);
}

// It comes back blocked, and ends the process when this has returned.
extern "C" void wait_for_last_lines(int signal) {
  const timespec millisecond{.tv_sec = 0, .tv_nsec = 1'000'000};
  for (int waited = 0; !all_lines_are_written() && waited < longest_wait_ms; ++waited)
    ::nanosleep(&millisecond, nullptr);
  say_which(signal);
  std::raise(signal);
}

} // namespace

void write_last_lines_before_a_crash() {
  journal = format_of_standard_error() == log_format::journal;
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) {
    struct sigaction now {};
    if (::sigaction(signal, nullptr, &now) != 0 || now.sa_handler != SIG_DFL)
      continue;
    now.sa_handler = wait_for_last_lines;
    now.sa_flags = static_cast<int>(SA_RESETHAND);
    ::sigaction(signal, &now, nullptr);
  }
}

} // namespace hotslot::daemon
