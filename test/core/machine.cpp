#include <hotslot/machine.hpp>

#include "catch.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace fs = std::filesystem;
using hotslot::machine_resources;

namespace {

// A made-up root file system.
class fake_root {
 public:
  fake_root() {
    std::string name = (fs::temp_directory_path() / "hotslot-machine-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()));
    path_ = name;
    write("proc/meminfo", "MemTotal:       16000000 kB\nMemFree: 1 kB\n");
  }
  ~fake_root() { fs::remove_all(path_); }

  void write(const fs::path& file, const std::string& text) {
    fs::create_directories((path_ / file).parent_path());
    std::ofstream(path_ / file) << text;
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

} // namespace

TEST_CASE("memory and processors of this machine", "[machine]") {
  CHECK(machine_resources().memory_mb > 0);
  CHECK(machine_resources().cpu_milli > 0);
}

TEST_CASE("without control groups it is the physical memory", "[machine]") {
  fake_root root;
  CHECK(machine_resources(root.path()).memory_mb == 15625);
  CHECK(hotslot::usable_machine_resources(root.path()).memory_mb == 15625 - 1562);
}

TEST_CASE("the least limit of the control groups around us counts", "[machine]") {
  fake_root root;
  SECTION("v2") {
    root.write("proc/self/cgroup", "0::/outer/inner\n");
    root.write("sys/fs/cgroup/outer/inner/memory.max", "max\n");
    root.write("sys/fs/cgroup/outer/memory.max", "1073741824\n");
    root.write("sys/fs/cgroup/outer/inner/cpu.max", "50000 100000\n");
    root.write("sys/fs/cgroup/outer/cpu.max", "max 100000\n");
  }
  SECTION("v1") {
    root.write("proc/self/cgroup", "5:cpuacct,cpu:/job\n4:memory:/job\n0::/\n");
    root.write("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "1073741824\n");
    root.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    root.write("sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "50000\n");
    root.write("sys/fs/cgroup/cpu/job/cpu.cfs_period_us", "100000\n");
    root.write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
    root.write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  }
  CHECK(machine_resources(root.path()).memory_mb == 1024);
  CHECK(machine_resources(root.path()).cpu_milli == 500);
}
