#include "worker_directory.hpp"

#include "process/spawn/system.hpp"

#include <hotslot/process/socket_root.hpp>

#include <boost/system/system_error.hpp>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace hotslot::process::detail {

namespace fs = std::filesystem;

worker_directory::worker_directory(const fs::path& root) {
  std::string name = (root / std::string(worker_prefix).append("XXXXXX")).string();
  if (!::mkdtemp(name.data()))
    throw_errno("cannot make a directory in " + root.string());
  path_ = name;
}

void worker_directory::remove() noexcept {
  if (path_.empty())
    return;
  std::error_code ignored;
  fs::remove_all(path_, ignored);
  path_.clear();
}

} // namespace hotslot::process::detail
