#include "process_one.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>
#include <string_view>

namespace hotslot::daemon {
namespace {

constexpr int killed_by_signal = 128; // as shells have it

// Nothing where that one still lives.
bool reap_all(pid_t server, int& code) {
  bool ended = false;
  int status = 0;
  for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
    if (pid != server)
      continue;
    ended = true;
    code = WIFEXITED(status) ? WEXITSTATUS(status) : killed_by_signal + WTERMSIG(status);
  }
  return ended;
}

int serve_as_process_one(pid_t server, const sigset_t& all) {
  for (;;) {
    siginfo_t info{};
    const int signal = ::sigwaitinfo(&all, &info);
    int code = 0;
    if (signal == SIGCHLD && reap_all(server, code))
      return code;
    if (signal > 0 && signal != SIGCHLD && info.si_code != SI_KERNEL) // a terminal's go to the whole group
      ::kill(server, signal);
  }
}

// Sockets that were passed to process 1 are the server's.
void take_sockets_over() {
  const char* const to = std::getenv("LISTEN_PID");
  if (to && std::string_view(to) == "1")
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
}

} // namespace

void leave_process_one() {
  if (::getpid() != 1)
    return;
  sigset_t all, before;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, &before);
  const pid_t server = ::fork();
  if (server > 0)
    ::_exit(serve_as_process_one(server, all));
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  if (server == 0)
    take_sockets_over();
}

} // namespace hotslot::daemon
