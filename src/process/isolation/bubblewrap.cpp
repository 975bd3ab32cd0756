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
constexpr const char* shared_memory = "/dev/shm";

bool is_below_hidden(const fs::path& dir) {
  return base::is_within(dir, tmp) || std::any_of(hidden.begin(), hidden.end(), [&](const char* place) {
           return base::is_within(dir, place);
         });
}

void add(arguments& to, std::initializer_list<std::string> more) { to.insert(to.end(), more); }

bool is_to_hide(const fs::path& directory) {
  std::error_code ec;
  return fs::is_directory(directory, ec) && !fs::is_symlink(directory, ec);
}

void show(arguments& to, const fs::path& directory, const char* how) {
  add(to, {how, directory.string(), directory.string()});
}

void add_name_spaces(arguments& to, const isolation& of) {
  add(to, {"--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try"});
  if (!of.network)
    add(to, {"--unshare-net"});
}

// Those that the worker has already know how many files they may hold.
void add_memory_to_write_to(arguments& to, const bubble& around) {
  if (!around.tmp.empty())
    return add(to, {"--bind", around.tmp.string(), tmp, "--bind-try", shared_memory, shared_memory});
  const auto bytes = std::to_string(std::uint64_t(around.of.tmp_mb) << 20);
  add(to, {"--size", bytes, "--tmpfs", tmp, "--size", bytes, "--tmpfs", shared_memory});
}

// What hides is a file system in memory, and so is /dev: they are closed once everything in them has its
// place.
void add_files(arguments& to, const bubble& around, const fs::path& dir) {
  add(to, {"--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"});
  arguments to_close{"--remount-ro", "/dev"};
  const auto hide = [&](const fs::path& place) {
    add(to, {"--tmpfs", place.string()});
    add(to_close, {"--remount-ro", place.string()});
  };
  for (const char* place : hidden)
    if (is_to_hide(place))
      hide(place);
  if (around.of.tmp_mb != 0)
    add_memory_to_write_to(to, around);
  else
    hide(tmp);
  add(to, {"--ro-bind-try", "/run/systemd/resolve", "/run/systemd/resolve"}); // where resolv.conf may lead
  if (is_below_hidden(dir)) // elsewhere it is seen, and would bring back what is hidden below it
    show(to, dir, "--ro-bind");
  if (is_to_hide(around.root))
    hide(around.root);
  show(to, around.directory, "--bind");
  to.insert(to.end(), to_close.begin(), to_close.end());
  add(to, {"--chdir", dir.string()});
}

// As bubblewrap reads arguments from a descriptor, where no other user sees them, as they would those of its
// command line.
std::string to_set(const std::vector<std::string>& environment) {
  std::string words;
  for (const auto& variable : environment) {
    const auto name_end = variable.find('=');
    for (const std::string_view word :
         {std::string_view("--setenv"), std::string_view(variable).substr(0, name_end),
          std::string_view(variable).substr(name_end + 1)})
      words.append(word).push_back('\0');
  }
  return words;
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
  add(command,
      {"--args", std::to_string(input_descriptor), "--", "/usr/bin/env", "--default-signal=TERM", "--"});
  command.insert(command.end(), std::make_move_iterator(request.command.begin()),
                 std::make_move_iterator(request.command.end()));
  request.command = std::move(command);
  request.input = to_set(request.environment);
  request.environment = runtime_environment(); // bubblewrap is not yet confined
  request.dir.clear();                         // which it enters itself
  request.limits.ignore_term = true;
  request.limits.keep_capabilities = true; // by which root makes name spaces; it drops them itself
}

std::string why_no_bubblewrap(const isolation& like, const std::optional<user_ids>& user) {
  const fs::path none, place = "/usr"; // some directory that is the machine's
  spawn_request request{.command = {"true"}, .environment = runtime_environment(), .dir = "/"};
  request.limits.user = user;
  put_bubblewrap_before(request, {.of = like, .root = none, .directory = place, .tmp = none});
  const auto done = run_to_end(request);
  if (!done.how.failed)
    return {};
  return done.said.empty() ? done.how.text : done.said.substr(0, done.said.find('\n'));
}

} // namespace hotslot::process::detail
