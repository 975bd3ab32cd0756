#include "process/isolation/container.hpp"

#include <hotslot/process/errc.hpp>
#include <hotslot/process/socket_root.hpp>

#include <boost/system/system_error.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace hotslot::process {

namespace fs = std::filesystem;

namespace {

std::vector<fs::path> entries(const fs::path& directory, bool (*fits)(std::string_view)) {
  std::vector<fs::path> found;
  std::error_code ec;
  for (fs::directory_iterator it(directory, ec), last; it != last; it.increment(ec))
    if (fits(it->path().filename().native()))
      found.push_back(it->path());
  return found;
}

// Who can put something there could have it run, or removed, by the server.
bool is_writable_by_others(const fs::path& directory) {
  struct stat s {};
  return ::lstat(directory.c_str(), &s) != 0 || !S_ISDIR(s.st_mode) || s.st_uid != ::geteuid() ||
         (s.st_mode & (S_IWGRP | S_IWOTH)) != 0;
}

bool is_worker(std::string_view name) {
  return name.size() == worker_prefix.size() + 6 && name.starts_with(worker_prefix);
}

bool is_container(std::string_view name) {
  return name.starts_with(worker_prefix) && name.ends_with(detail::container_suffix);
}

bool is_process(std::string_view name) {
  return name.find_first_not_of("0123456789") == std::string_view::npos;
}

// Whatever it has become since, it was started with the path of a socket there. One that ends meanwhile
// cannot be read to its end: getline passes over what an iterator would throw.
bool was_started_below(const fs::path& root, const fs::path& process) {
  const std::string begin = "FN_LISTENER=unix:" + (root / worker_prefix).native();
  std::ifstream in(process / "environ", std::ios::binary);
  for (std::string variable; std::getline(in, variable, '\0');)
    if (variable.starts_with(begin))
      return true;
  return false;
}

void kill_leftovers(const fs::path& root) {
  for (const auto& process : entries("/proc", is_process))
    if (was_started_below(root, process))
      ::kill(static_cast<pid_t>(std::stol(process.filename())), SIGKILL);
}

} // namespace

void remove_leftover_workers(const fs::path& root) noexcept {
  try {
    for (const auto& container : entries(root, is_container))
      detail::remove_container(container);
    const auto directories = entries(root, is_worker);
    if (!directories.empty())
      kill_leftovers(root);
    std::error_code ignored;
    for (const auto& directory : directories)
      fs::remove_all(directory, ignored);
  } catch (const std::exception&) { // what cannot be removed now can be removed later
  }
}

fs::path prepare_socket_root(const fs::path& root) {
  const fs::path absolute = fs::absolute(root).lexically_normal();
  if (absolute.native().size() > max_socket_root)
    throw boost::system::system_error(errc::socket_path_too_long, absolute.string() + " has more than " +
                                                                      std::to_string(max_socket_root) +
                                                                      " bytes");
  std::error_code ec;
  if (fs::create_directories(absolute, ec))
    fs::permissions(absolute, fs::perms::owner_all, ec);
  if (ec)
    throw boost::system::system_error(error_code(ec), absolute.string());
  if (is_writable_by_others(absolute))
    throw boost::system::system_error(error_code(EPERM, boost::system::system_category()),
                                      absolute.string() + " is another user's, or others may write to it");
  if (::access(absolute.c_str(), W_OK | X_OK) != 0)
    throw boost::system::system_error(error_code(errno, boost::system::system_category()), absolute.string());
  return absolute;
}

} // namespace hotslot::process
