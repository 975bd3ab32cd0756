// The fastest function that there can be: answers every request with the same 15 bytes.
//
//   static_function            on the socket of FN_LISTENER
//   static_function PORT       on 127.0.0.1:PORT
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>

namespace {

constexpr std::string_view answer =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 15\r\n\r\nhello from here";

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

void check(bool ok, const char* what) {
  if (!ok)
    fail(what);
}

int listen_unix(std::string_view path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  check(path.size() < sizeof address.sun_path, "FN_LISTENER");
  path.copy(address.sun_path, path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  check(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "bind");
  check(listen(fd, SOMAXCONN) == 0, "listen");
  return fd;
}

int listen_tcp(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  check(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "bind");
  check(listen(fd, SOMAXCONN) == 0, "listen");
  return fd;
}

int open_listener(int argc, char** argv) {
  if (argc == 2)
    return listen_tcp(std::atoi(argv[1]));
  const char* listener = std::getenv("FN_LISTENER");
  check(listener && std::string_view(listener).starts_with("unix:"), "FN_LISTENER");
  return listen_unix(listener + 5);
}

std::size_t content_length(std::string_view head) {
  for (const char* name : {"\r\nContent-Length:", "\r\ncontent-length:"})
    if (const auto at = head.find(name); at != head.npos)
      return std::strtoul(head.data() + at + std::strlen(name), nullptr, 10);
  return 0;
}

/// Answers every whole request in `received`. False where the connection has failed.
bool answer_all(int fd, std::string& received) {
  for (;;) {
    const auto end = received.find("\r\n\r\n");
    if (end == received.npos)
      return true;
    const std::size_t size = end + 4 + content_length(std::string_view(received).substr(0, end + 2));
    if (received.size() < size)
      return true;
    received.erase(0, size);
    if (send(fd, answer.data(), answer.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(answer.size()))
      return false;
  }
}

} // namespace

int main(int argc, char** argv) {
  const int listener = open_listener(argc, argv);
  const int poll = epoll_create1(EPOLL_CLOEXEC);
  const auto watch = [&](int fd) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    check(epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
  };
  watch(listener);
  std::unordered_map<int, std::string> connections;
  for (;;) {
    epoll_event events[64];
    const int n = epoll_wait(poll, events, 64, -1);
    for (int i = 0; i < n; ++i) {
      const int fd = events[i].data.fd;
      if (fd == listener) {
        const int caller = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        check(caller >= 0, "accept");
        const int on = 1;
        setsockopt(caller, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        connections[caller];
        watch(caller);
        continue;
      }
      char bytes[16384];
      const ssize_t got = recv(fd, bytes, sizeof bytes, 0);
      std::string& received = connections[fd];
      if (got > 0)
        received.append(bytes, static_cast<std::size_t>(got));
      if (got <= 0 || !answer_all(fd, received)) {
        connections.erase(fd);
        close(fd);
      }
    }
  }
}
