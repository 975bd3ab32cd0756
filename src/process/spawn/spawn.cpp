#include "spawn.hpp"

#include "system.hpp"

#include "base/quiet_threads.hpp"

#include <boost/algorithm/string/split.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/system/system_error.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
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

constexpr int report_descriptor = STDERR_FILENO + 1;
static_assert(input_descriptor == report_descriptor + 1);

// Not among those that the child fills.
base::unique_fd above(int last, int fd) {
  base::unique_fd low(fd);
  if (fd > last)
    return low;
  base::unique_fd high(::fcntl(fd, F_DUPFD_CLOEXEC, last + 1));
  if (!high)
    throw_errno("fcntl");
  return high;
}

base::unique_fd above_standard(int fd) { return above(STDERR_FILENO, fd); }

pipe_ends make_pipe() {
  std::array<int, 2> fds;
  if (::pipe2(fds.data(), O_CLOEXEC) != 0)
    throw_errno("pipe");
  base::unique_fd write(fds[1]);
  base::unique_fd read = above_standard(fds[0]);
  return {std::move(read), above_standard(write.release())};
}

base::unique_fd make_input(const std::string& text) {
  if (text.empty())
    return {};
  constexpr unsigned not_executable = 8; // MFD_NOEXEC_SEAL, which newer kernels may insist on
  int fd = ::memfd_create("input", MFD_CLOEXEC | not_executable);
  if (fd < 0 && errno == EINVAL)
    fd = ::memfd_create("input", MFD_CLOEXEC);
  if (fd < 0)
    throw_errno("memfd");
  base::unique_fd file = above(input_descriptor, fd);
  for (std::size_t done = 0; done < text.size();) {
    const auto n = ::write(file.get(), text.data() + done, text.size() - done);
    if (n < 0)
      throw_errno("memfd");
    done += static_cast<std::size_t>(n);
  }
  ::lseek(file.get(), 0, SEEK_SET);
  return file;
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
  int input; ///< -1 where there is none.
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

bool place(int fd, int at, int flags) {
  return fd == at ? ::fcntl(fd, F_SETFD, flags == 0 ? 0 : FD_CLOEXEC) == 0 : ::dup3(fd, at, flags) >= 0;
}

// 0 to 2, the report and the input; nothing else is inherited, whoever opened it.
void arrange_descriptors(const child_plan& plan) {
  const bool arranged = place(plan.null, STDIN_FILENO, 0) && place(plan.out, STDOUT_FILENO, 0) &&
                        place(plan.err, STDERR_FILENO, 0) && place(plan.report, report_descriptor, O_CLOEXEC);
  if (!arranged)
    give_up(plan.report, child_step::other);
  const bool has_input = plan.input >= 0;
  if ((has_input && !place(plan.input, input_descriptor, 0)) ||
      ::close_range(static_cast<unsigned>(has_input ? input_descriptor : report_descriptor) + 1, ~0U, 0) != 0)
    give_up(report_descriptor, child_step::other);
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
  arrange_descriptors(plan);
  if (*plan.dir && ::chdir(plan.dir) != 0)
    give_up(report_descriptor, child_step::directory);
  ::execve(plan.path, plan.arguments, plan.environment);
  give_up(report_descriptor, child_step::command);
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

// As it is run: from its directory, which relative entries mean, as the empty one does.
std::string find_command(const spawn_request& request) {
  const std::string& command = request.command.front();
  if (command.find('/') != std::string::npos)
    return command;
  std::vector<std::string> entries;
  boost::split(entries, search_path(request.environment), [](char c) { return c == ':'; });
  for (const auto& entry : entries) {
    const auto candidate = std::filesystem::path(entry.empty() ? "." : entry) / command;
    const auto seen_from_here = request.dir / candidate;
    std::error_code ec;
    if (::access(seen_from_here.c_str(), X_OK) == 0 && std::filesystem::is_regular_file(seen_from_here, ec))
      return candidate;
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

} // namespace

boost::asio::any_io_executor spawn_executor() {
  static base::quiet_threads<boost::asio::thread_pool> one(1); // for as long as it lives, its children do
  return one.executor();
}

boost::asio::any_io_executor release_executor() {
  static base::quiet_threads<boost::asio::thread_pool> some(2);
  return some.executor();
}

spawned spawn(const spawn_request& request) {
  const std::string path = find_command(request);
  const auto arguments = pointers(request.command);
  const auto environment = pointers(request.environment);
  const base::unique_fd null = above_standard(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const base::unique_fd input = make_input(request.input);
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
                        .input = input.get(),
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

finished run_to_end(const spawn_request& request) {
  const spawned child = spawn(request);
  pollfd ended{.fd = child.pidfd.get(), .events = POLLIN, .revents = 0};
  constexpr int longest_ms = 10'000;
  ::poll(&ended, 1, longest_ms);
  finished done{.how = reap_group(child.pid, child.pidfd.get())};
  std::array<char, 1024> text;
  ::fcntl(child.err.get(), F_SETFL, O_NONBLOCK); // somebody else may have it, too
  if (const auto n = ::read(child.err.get(), text.data(), text.size()); n > 0)
    done.said.assign(text.data(), static_cast<std::size_t>(n));
  return done;
}

} // namespace hotslot::process::detail
