#include "bubblewrap.hpp"

#include "isolation_means.hpp"

#include "base/file.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

namespace hotslot::process::detail {
namespace {

namespace fs = std::filesystem;
using arguments = std::vector<std::string>;

constexpr std::array hidden{"/home", "/root", "/run", "/var/tmp", "/srv", "/mnt", "/media"};
constexpr const char* tmp = "/tmp";

bool is_below_hidden(const fs::path& dir) {
  return base::is_within(dir, tmp) || std::any_of(hidden.begin(), hidden.end(), [&](const char* place) {
           return base::is_within(dir, place);
         });
}

void add(arguments& to, std::initializer_list<std::string> more) { to.insert(to.end(), more); }

void hide(arguments& to, const fs::path& directory) {
  std::error_code ec;
  if (fs::is_directory(directory, ec) && !fs::is_symlink(directory, ec))
    add(to, {"--tmpfs", directory.string()});
}

void show(arguments& to, const fs::path& directory, const char* how) {
  add(to, {how, directory.string(), directory.string()});
}

void add_name_spaces(arguments& to, const isolation& of) {
  add(to, {"--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try"});
  if (!of.network)
    add(to, {"--unshare-net"});
}

void add_files(arguments& to, const bubble& around, const fs::path& dir) {
  add(to, {"--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"});
  for (const char* place : hidden)
    hide(to, place);
  if (around.of.tmp_mb != 0)
    add(to, {"--size", std::to_string(std::uint64_t(around.of.tmp_mb) << 20)});
  add(to, {"--tmpfs", tmp});
  add(to, {"--ro-bind-try", "/run/systemd/resolve", "/run/systemd/resolve"}); // where resolv.conf may lead
  if (is_below_hidden(dir)) // elsewhere it is seen, and would bring back what is hidden below it
    show(to, dir, "--ro-bind");
  hide(to, around.root);
  show(to, around.directory, "--bind");
  add(to, {"--chdir", dir.string()});
}

} // namespace

bool is_hidden_place(const fs::path& directory) {
  const fs::path place = (directory / "").lexically_normal().parent_path();
  return place == tmp || std::find(hidden.begin(), hidden.end(), place) != hidden.end();
}

void put_bubblewrap_before(spawn_request& request, const bubble& around) {
  const fs::path dir =
      (request.dir.empty() ? fs::current_path() : fs::absolute(request.dir)).lexically_normal();
  arguments command{sandbox_program(around.of).string(), "--die-with-parent", "--cap-drop", "ALL"};
  add_name_spaces(command, around.of);
  add_files(command, around, dir);
  add(command, {"--", "/usr/bin/env", "--default-signal=TERM", "--"});
  command.insert(command.end(), std::make_move_iterator(request.command.begin()),
                 std::make_move_iterator(request.command.end()));
  request.command = std::move(command);
  request.dir.clear(); // which it enters itself
  request.limits.ignore_term = true;
}

} // namespace hotslot::process::detail
