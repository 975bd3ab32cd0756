#include "spawn.hpp"

#include "system.hpp"

#include <boost/asio/thread_pool.hpp>
#include <boost/system/system_error.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <linux/close_range.h>

namespace hotslot::process::detail {
namespace {

enum class child_step : int { directory, command, isolation, other };

struct child_report {
  child_step step;
  int error;
  const char* what; ///< Static text, at the same place in the parent, whose image the child is.
};

struct pipe_ends {
  base::unique_fd read;
  base::unique_fd write;
};

// Not among the first three, which the child fills.
base::unique_fd above_standard(int fd) {
  base::unique_fd low(fd);
  if (fd > STDERR_FILENO)
    return low;
  base::unique_fd high(::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  if (!high)
    throw_errno("fcntl");
  return high;
}

pipe_ends make_pipe() {
  std::array<int, 2> fds;
  if (::pipe2(fds.data(), O_CLOEXEC) != 0)
    throw_errno("pipe");
  base::unique_fd write(fds[1]);
  base::unique_fd read = above_standard(fds[0]);
  return {std::move(read), above_standard(write.release())};
}

// What the child needs, made beforehand: between fork and exec it may not allocate.
struct child_plan {
  const char* path;
  const char* dir;
  char* const* arguments;
  char* const* environment;
  const child_limits* limits;
  int null;
  int out;
  int err;
  int report;
  pid_t parent;
};

// Everything in the child from here on is async-signal-safe.

[[noreturn]] void give_up(int report, child_step step, const char* what = "") {
  const child_report why{step, errno, what};
  [[maybe_unused]] const auto written = ::write(report, &why, sizeof why);
  ::_exit(127);
}

void reset_signals(bool ignore_term) {
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal)
    ::sigaction(signal, &standard, nullptr);
  if (ignore_term)
    std::signal(SIGTERM, SIG_IGN);
  sigset_t none;
  ::sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

// 0 to 2 and the report, which becomes 3; nothing else is inherited, whoever opened it.
int arrange_descriptors(const child_plan& plan) {
  constexpr int report = STDERR_FILENO + 1;
  const bool arranged = ::dup2(plan.null, STDIN_FILENO) >= 0 && ::dup2(plan.out, STDOUT_FILENO) >= 0 &&
                        ::dup2(plan.err, STDERR_FILENO) >= 0 &&
                        (plan.report == report || ::dup3(plan.report, report, O_CLOEXEC) >= 0);
  if (!arranged || ::close_range(report + 1, ~0U, 0) != 0)
    give_up(plan.report, child_step::other);
  return report;
}

[[noreturn]] void run_child(const child_plan& plan) {
  ::setsid(); // a group to be killed by, no terminal, and a scheduling group of its own
  if (const char* failed = apply(*plan.limits))
    give_up(plan.report, child_step::isolation, failed);
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) // which a change of the user would have undone
    give_up(plan.report, child_step::other);
  if (::getppid() != plan.parent) // it died before it could be watched
    ::_exit(127);
  reset_signals(plan.limits->ignore_term);
  const int report = arrange_descriptors(plan);
  if (*plan.dir && ::chdir(plan.dir) != 0)
    give_up(report, child_step::directory);
  ::execve(plan.path, plan.arguments, plan.environment);
  give_up(report, child_step::command);
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  result.reserve(strings.size() + 1);
  for (const auto& s : strings)
    result.push_back(const_cast<char*>(s.c_str()));
  result.push_back(nullptr);
  return result;
}

std::string_view search_path(const std::vector<std::string>& environment) {
  constexpr std::string_view name = "PATH=";
  for (std::string_view variable : environment)
    if (variable.starts_with(name))
      return variable.substr(name.size());
  return {};
}

std::string find_command(const spawn_request& request) {
  const std::string& command = request.command.front();
  if (command.find('/') != std::string::npos)
    return command;
  std::string_view path = search_path(request.environment);
  while (!path.empty()) {
    const auto end = path.find(':');
    std::string candidate = std::string(path.substr(0, end)) + '/' + command;
    if (::access(candidate.c_str(), X_OK) == 0)
      return candidate;
    path.remove_prefix(end == std::string_view::npos ? path.size() : end + 1);
  }
  throw boost::system::system_error(errc::command_not_found, command + " is not in the function's PATH");
}

std::uint64_t peak_mb(const rusage& used) { return static_cast<std::uint64_t>(used.ru_maxrss) / 1024; }

ending describe(const siginfo_t& info, const rusage& used) {
  const bool exited = info.si_code == CLD_EXITED;
  std::string text = exited ? "exited with status " : "killed by signal ";
  return {.text = text.append(std::to_string(info.si_status)),
          .failed = !exited || info.si_status != 0,
          .peak_mb = peak_mb(used)};
}

// Its threads block all signals: those are for the server's own threads.
class quiet_threads {
 public:
  explicit quiet_threads(std::size_t n) {
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    pool_.emplace(n);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  boost::asio::any_io_executor executor() { return pool_->get_executor(); }

 private:
  std::optional<boost::asio::thread_pool> pool_;
};

} // namespace

boost::asio::any_io_executor spawn_executor() {
  static quiet_threads one(1); // for as long as it lives, its children do
  return one.executor();
}

boost::asio::any_io_executor release_executor() {
  static quiet_threads some(2);
  return some.executor();
}

spawned spawn(const spawn_request& request) {
  const std::string path = find_command(request);
  const auto arguments = pointers(request.command);
  const auto environment = pointers(request.environment);
  const base::unique_fd null = above_standard(::open("/dev/null", O_RDWR | O_CLOEXEC));
  pipe_ends out = make_pipe(), err = make_pipe(), report = make_pipe();

  const child_plan plan{.path = path.c_str(),
                        .dir = request.dir.c_str(),
                        .arguments = arguments.data(),
                        .environment = environment.data(),
                        .limits = &request.limits,
                        .null = null.get(),
                        .out = out.write.get(),
                        .err = err.write.get(),
                        .report = report.write.get(),
                        .parent = ::getpid()};
  rusage own{};
  ::getrusage(RUSAGE_SELF, &own);
  const pid_t pid = ::fork();
  if (pid == 0)
    run_child(plan);
  if (pid < 0)
    throw_errno("fork");

  spawned child{.pid = pid,
                .pidfd = base::unique_fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))),
                .out = std::move(out.read),
                .err = std::move(err.read),
                .report = std::move(report.read),
                .parent_peak_mb = peak_mb(own)};
  if (!child.pidfd) {
    const int error = errno;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    errno = error;
    throw_errno("pidfd_open");
  }
  return child;
}

std::optional<spawn_failure> failure_before_exec(int report) {
  child_report why;
  if (::read(report, &why, sizeof why) != sizeof why)
    return std::nullopt;
  const std::string reason = std::strerror(why.error);
  if (why.step == child_step::directory)
    return spawn_failure{errc::bad_directory, reason};
  if (why.step == child_step::isolation)
    return spawn_failure{errc::isolation_unavailable, std::string(why.what).append(": ").append(reason)};
  if (why.step == child_step::other)
    return spawn_failure{errc::spawn_failed, reason};
  switch (why.error) {
  case ENOENT:
  case ENOTDIR:
    return spawn_failure{errc::command_not_found, reason};
  case EACCES:
  case ENOEXEC:
  case EPERM:
    return spawn_failure{errc::command_not_executable, reason};
  default:
    return spawn_failure{errc::spawn_failed, reason};
  }
}

void signal_group(pid_t leader, int signal) noexcept {
  if (::kill(-leader, signal) != 0)
    ::kill(leader, signal); // which has not come to make its group yet
}

ending reap_group(pid_t leader, int pidfd) {
  // Before the leader is reaped: then its group's id could already be another's.
  signal_group(leader, SIGKILL);
  pollfd ended{.fd = pidfd, .events = POLLIN, .revents = 0};
  while (::poll(&ended, 1, -1) < 0 && errno == EINTR)
    ;
  siginfo_t info{};
  rusage used{};
  while (::syscall(SYS_waitid, P_PIDFD, pidfd, &info, WEXITED, &used) != 0) // the library's has no rusage
    if (errno != EINTR)
      return {.text = "ended, reaped by someone else"};
  return describe(info, used);
}

} // namespace hotslot::process::detail
