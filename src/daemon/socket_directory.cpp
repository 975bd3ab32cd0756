#include "socket_directory.hpp"

#include <hotslot/process/socket_root.hpp>

#include <boost/system/system_error.hpp>

#include <cerrno>
#include <cstdlib>
#include <string>

namespace hotslot::daemon {
namespace {

std::filesystem::path make_private() {
  std::string name = (std::filesystem::temp_directory_path() / "hotslotd-XXXXXX").string();
  if (!mkdtemp(name.data()))
    throw boost::system::system_error(errno, boost::system::system_category(), name);
  return name;
}

} // namespace

socket_directory::socket_directory(const std::optional<std::filesystem::path>& configured)
  : path_(process::prepare_socket_root(configured ? *configured : make_private()))
  , ours_(!configured) {}

socket_directory::~socket_directory() {
  std::error_code ignored;
  if (ours_)
    std::filesystem::remove_all(path_, ignored);
}

} // namespace hotslot::daemon
