#include "service_manager.hpp"

#include "environment_variable.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <ctime>

namespace hotslot::daemon {
namespace {

constexpr const char* socket_variable = "NOTIFY_SOCKET";

// An '@' in front stands for the NUL of an abstract name.
socklen_t read_socket_name(const std::string& name, sockaddr_un& to) {
  if ((name.front() != '/' && name.front() != '@') || name.size() < 2 || name.size() >= sizeof to.sun_path)
    refuse_variable(socket_variable, "must be an absolute path or @NAME, of at most 107 bytes");
  to.sun_family = AF_UNIX;
  std::copy(name.begin(), name.end(), to.sun_path);
  if (name.front() == '@')
    to.sun_path[0] = '\0';
  return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
}

std::optional<std::chrono::microseconds> take_watchdog() {
  const auto period = take_number("WATCHDOG_USEC");
  const auto pid = take_number("WATCHDOG_PID");
  const bool ours = !pid || *pid == static_cast<std::uint64_t>(::getpid());
  if (!period || *period == 0 || !ours)
    return std::nullopt;
  return std::chrono::microseconds(*period);
}

std::uint64_t monotonic_microseconds() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 + static_cast<std::uint64_t>(now.tv_nsec) / 1000;
}

} // namespace

service_manager::service_manager()
  : watchdog_(take_watchdog()) {
  const auto name = take_variable(socket_variable);
  if (!name)
    return;
  to_size_ = read_socket_name(*name, to_);
  socket_ = base::unique_fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

void service_manager::ready(std::string_view status) const {
  tell(fmt::format("READY=1\nSTATUS={}", base::printable(status)));
}

void service_manager::reloading() const {
  tell(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", monotonic_microseconds()));
}

void service_manager::stopping(std::string_view status, std::chrono::seconds most) const {
  const auto limit = std::chrono::microseconds(most).count();
  tell(fmt::format("STOPPING=1\nEXTEND_TIMEOUT_USEC={0}\nWATCHDOG_USEC={0}\nSTATUS={1}", limit,
                   base::printable(status)));
}

void service_manager::alive() const { tell("WATCHDOG=1"); }

void service_manager::tell(std::string_view state) const {
  if (socket_)
    ::sendto(socket_.get(), state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
             reinterpret_cast<const sockaddr*>(&to_), to_size_);
}

} // namespace hotslot::daemon
