// Workers with users of their own, started, used and ended again and again.
#include "../worker/fixture.hpp"
#include "own_users.hpp"
#include "process/isolation/isolation_means.hpp"

#include <sys/stat.h>

#include <csignal>
#include <set>
#include <string>
#include <thread>

using namespace process_test;

namespace {

uid_t user_of(pid_t process) {
  struct stat owner {};
  return ::stat(("/proc/" + std::to_string(process)).c_str(), &owner) == 0 ? owner.st_uid : 0;
}

// Ends it by its slot, or as the kernel might, or before it was used.
awaitable<void> run_round(const function_launcher& launcher, std::size_t n, std::set<uid_t>& users) {
  auto slot = co_await launcher();
  users.insert(user_of(slot.pid()));
  if (n % 3 != 2)
    co_await slot.call(request());
  if (n % 3 == 1)
    ::kill(slot.pid(), SIGKILL);
  auto gone = slot.wait_gone();
  slot.close();
  co_await std::move(gone);
}

} // namespace

// 14, must show 4.
TEST_CASE("workers with users of their own that come and go leave nothing", "[rounds]") {
  const auto host = std::make_shared<process::isolation_host>();
  fixture f;
  ::chmod(f.root().c_str(), 0711);
  auto spec = function("strays");
  spec.isolation.user = process::user_policy::own;
  try {
    host->check(spec, f.root());
  } catch (const boost::system::system_error& e) {
    WARN("skipped: " << e.what());
    return;
  }
  constexpr std::size_t at_once = 4;
  const auto& block = *host->means().users;
  std::set<uid_t> users;
  std::size_t begun = 0, most_in_use = 0;
  f.run([&]() -> awaitable<void> {
    const auto launcher = f.launcher(spec, host);
    const auto go_on = [&]() -> awaitable<void> {
      while (begun < rounds()) {
        const auto round = begun++;
        const auto failed = co_await code_of(run_round(launcher, round, users));
        CHECK(failed == boost::system::error_code());
        most_in_use = std::max(most_in_use, block.in_use());
      }
    };
    co_await (go_on() && go_on() && go_on() && go_on());
  });
  CHECK(block.in_use() == 0);
  CHECK(most_in_use < at_once + 1);
  CHECK(users.size() == std::min<std::size_t>(rounds(), process::detail::user_block::size - 1));
  CHECK_FALSE(users.contains(0));
  while (processes_of(users) != 0)
    std::this_thread::yield(); // what was killed takes its moment
}
