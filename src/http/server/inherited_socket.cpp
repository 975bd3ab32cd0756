#include "inherited_socket.hpp"

#include <boost/system/system_error.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>
#include <string_view>

namespace hotslot::http::detail {

namespace {

[[noreturn]] void refuse_descriptor(int fd, std::string_view what, int error) {
  throw boost::system::system_error({error, boost::system::system_category()},
                                    std::string("descriptor ").append(std::to_string(fd)).append(what));
}

int option(int fd, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  if (::getsockopt(fd, SOL_SOCKET, name, &value, &size) != 0)
    refuse_descriptor(fd, errno == ENOTSOCK ? " is no socket" : " cannot be used", errno);
  return value;
}

} // namespace

stream_protocol check_listening(int fd) {
  const int family = option(fd, SO_DOMAIN);
  const int protocol = option(fd, SO_PROTOCOL);
  const bool is_tcp = (family == AF_INET || family == AF_INET6) && protocol == IPPROTO_TCP;
  if ((!is_tcp && family != AF_UNIX) || option(fd, SO_TYPE) != SOCK_STREAM)
    refuse_descriptor(fd, " is neither a TCP socket nor a unix one for streams", EPROTOTYPE);
  if (option(fd, SO_ACCEPTCONN) == 0)
    refuse_descriptor(fd, " does not listen", EINVAL);
  if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
    refuse_descriptor(fd, " cannot be used", errno);
  return {family, protocol};
}

} // namespace hotslot::http::detail
