#include <hotslot/machine.hpp>

#include <sched.h>
#include <sys/sysinfo.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <string>

namespace hotslot {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t mb = 1024 * 1024;
constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();

std::optional<std::uint64_t> read_number(const fs::path& file) {
  std::ifstream in(file);
  std::uint64_t n = 0;
  if (in >> n)
    return n;
  return std::nullopt; // absent, or "max"
}

std::uint64_t physical_memory(const fs::path& root) {
  std::ifstream in(root / "proc/meminfo");
  std::string name, unit;
  std::uint64_t kb = 0;
  while (in >> name >> kb && std::getline(in, unit))
    if (name == "MemTotal:")
      return kb * 1024;
  return unlimited;
}

// The path of this process's group in the hierarchy of `controller` ("" for v2).
fs::path own_group(const fs::path& root, const std::string& controller) {
  std::ifstream in(root / "proc/self/cgroup");
  for (std::string line; std::getline(in, line);) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos)
      continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    if (controller.empty() ? controllers == ",,"
                           : controllers.find("," + controller + ",") != std::string::npos)
      return line.substr(std::min(second + 2, line.size()));
  }
  return {};
}

// The least of what `read` says in a group and those around it.
template <class Read>
std::uint64_t least_upwards(const fs::path& mount, fs::path group, Read&& read) {
  std::uint64_t least = unlimited;
  for (;; group = group.parent_path()) {
    least = std::min(least, read(mount / group));
    if (group.empty())
      return least;
  }
}

std::uint64_t cgroup_memory(const fs::path& root) {
  const fs::path mount = root / "sys/fs/cgroup";
  const auto v2 = least_upwards(mount, own_group(root, ""), [](const fs::path& dir) {
    return read_number(dir / "memory.max").value_or(unlimited);
  });
  const auto v1 = least_upwards(mount / "memory", own_group(root, "memory"), [](const fs::path& dir) {
    return read_number(dir / "memory.limit_in_bytes").value_or(unlimited);
  });
  return std::min(v1, v2);
}

std::uint64_t quota_v2(const fs::path& dir) {
  std::ifstream in(dir / "cpu.max");
  std::uint64_t quota = 0, period = 0;
  if (in >> quota >> period && period != 0)
    return quota * 1000 / period;
  return unlimited;
}

std::uint64_t quota_v1(const fs::path& dir) {
  const auto quota = read_number(dir / "cpu.cfs_quota_us"); // -1 where there is none
  const auto period = read_number(dir / "cpu.cfs_period_us");
  if (quota && *quota < unlimited / 2000 && period && *period != 0)
    return *quota * 1000 / *period;
  return unlimited;
}

std::uint64_t cgroup_cpu_milli(const fs::path& root) {
  const fs::path mount = root / "sys/fs/cgroup";
  return std::min(least_upwards(mount, own_group(root, ""), quota_v2),
                  least_upwards(mount / "cpu", own_group(root, "cpu"), quota_v1));
}

std::uint64_t processors_milli() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0)
    return 1000 * static_cast<std::uint64_t>(CPU_COUNT(&set));
  return 1000 * static_cast<std::uint64_t>(std::max(1, get_nprocs()));
}

} // namespace

resources machine_resources(const fs::path& root) {
  return {.memory_mb = std::min(physical_memory(root), cgroup_memory(root)) / mb,
          .cpu_milli = std::min(processors_milli(), cgroup_cpu_milli(root))};
}

resources usable_machine_resources(const fs::path& root) {
  resources r = machine_resources(root);
  const auto headroom = memory_headroom_mb(r.memory_mb);
  r.memory_mb = r.memory_mb > headroom ? r.memory_mb - headroom : 1;
  return r;
}

} // namespace hotslot
