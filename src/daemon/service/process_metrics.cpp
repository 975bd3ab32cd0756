#include "process_metrics.hpp"

#include "base/descriptors.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>

namespace hotslot::daemon {
namespace {

using time_span = std::chrono::nanoseconds;

http::metric_family gauge(std::string name, std::string help, decltype(http::metric_sample::value) value) {
  return {.name = std::move(name),
          .help = std::move(help),
          .samples = {{{}, value}},
          .kind = http::metric_kind::gauge};
}

std::uint64_t open_descriptors() {
  std::error_code ec;
  const auto all = std::distance(std::filesystem::directory_iterator("/proc/self/fd", ec), {});
  return all > 0 ? static_cast<std::uint64_t>(all) - 1 : 0; // but for the one that looks
}

time_span processor_time() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto as_time = [](const timeval& t) {
    return std::chrono::seconds(t.tv_sec) + std::chrono::microseconds(t.tv_usec);
  };
  return as_time(used.ru_utime) + as_time(used.ru_stime);
}

struct process_stat {
  std::uint64_t start_ticks = 0; ///< Since the machine was started.
  std::uint64_t virtual_bytes = 0;
  std::uint64_t resident_pages = 0;
};

// The name, which may hold anything, is the second field.
std::optional<process_stat> read_stat() {
  constexpr int before_start = 19; // fields 3 to 21
  std::ifstream in("/proc/self/stat");
  std::string text;
  std::getline(in, text);
  std::istringstream behind_name(text.substr(text.rfind(')') + 1));
  std::string skipped;
  for (int n = 0; n < before_start; ++n)
    behind_name >> skipped;
  process_stat s;
  behind_name >> s.start_ticks >> s.virtual_bytes >> s.resident_pages;
  return behind_name ? std::optional(s) : std::nullopt;
}

time_span started_at(std::uint64_t ticks) {
  timespec since_boot{};
  ::clock_gettime(CLOCK_BOOTTIME, &since_boot);
  const auto boot = std::chrono::system_clock::now().time_since_epoch() -
                    std::chrono::seconds(since_boot.tv_sec) - time_span(since_boot.tv_nsec);
  const auto a_second = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  return boot + std::chrono::milliseconds(ticks * 1000 / a_second);
}

} // namespace

std::vector<http::metric_family> process_metrics() {
  std::vector<http::metric_family> all;
  all.push_back({.name = "process_cpu_seconds",
                 .help = "Processor time that the server has taken, without its workers.",
                 .samples = {{{}, processor_time()}}});
  all.push_back(gauge("process_open_fds", "Open file descriptors.", open_descriptors()));
  all.push_back(gauge("process_max_fds", "File descriptors that there may be.", base::descriptor_limit()));
  if (const auto stat = read_stat()) {
    all.push_back(gauge("process_virtual_memory_bytes", "Size of the address space.", stat->virtual_bytes));
    all.push_back(gauge("process_resident_memory_bytes", "Memory that the server takes, without its workers.",
                        stat->resident_pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))));
    all.push_back(gauge("process_start_time_seconds", "When the server was started, since the epoch.",
                        started_at(stat->start_ticks)));
  }
  return all;
}

} // namespace hotslot::daemon
