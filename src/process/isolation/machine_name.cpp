#include "machine_name.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>

namespace hotslot::process::detail {
namespace {

struct abstract_address {
  explicit abstract_address(std::string_view name) {
    const auto room = sizeof address.sun_path - 1;
    std::copy_n(name.begin(), std::min(name.size(), room), address.sun_path + 1);
    size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + std::min(name.size(), room));
  }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address); }

  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  socklen_t size = 0;
};

base::unique_fd make_socket() {
  return base::unique_fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

// The kernel tells who called listen().
bool is_roots(const abstract_address& at) {
  const base::unique_fd caller = make_socket();
  ucred owner{.pid = 0, .uid = static_cast<uid_t>(-1), .gid = 0};
  socklen_t size = sizeof owner;
  return caller && ::connect(caller.get(), at.get(), at.size) == 0 &&
         ::getsockopt(caller.get(), SOL_SOCKET, SO_PEERCRED, &owner, &size) == 0 && owner.uid == 0;
}

} // namespace

machine_name take_machine_name(std::string_view name) noexcept {
  const abstract_address at(name);
  base::unique_fd own = make_socket();
  if (own && ::bind(own.get(), at.get(), at.size) == 0 && ::listen(own.get(), SOMAXCONN) == 0)
    return {.taken = std::move(own)};
  return {.taken = {}, .is_anothers = is_roots(at)};
}

} // namespace hotslot::process::detail
