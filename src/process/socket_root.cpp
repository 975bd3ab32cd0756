#include <hotslot/process/errc.hpp>
#include <hotslot/process/socket_root.hpp>

#include <boost/system/system_error.hpp>

#include <unistd.h>

#include <cerrno>
#include <string>

namespace hotslot::process {

namespace fs = std::filesystem;

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
  if (::access(absolute.c_str(), W_OK | X_OK) != 0)
    throw boost::system::system_error(error_code(errno, boost::system::system_category()), absolute.string());
  return absolute;
}

} // namespace hotslot::process
