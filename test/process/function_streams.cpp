// Functions whose bodies pass while they come, or not at all.
#include "function.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace test_function {

namespace {

// Sends the body back while it comes, framed as it came.
void send_back_in_pieces(int fd) {
  std::string text;
  char bytes[64 * 1024];
  std::size_t end = 0;
  while ((end = text.find("\r\n\r\n")) == std::string::npos) {
    const auto n = ::read(fd, bytes, sizeof bytes);
    if (n <= 0)
      return;
    text.append(bytes, static_cast<std::size_t>(n));
  }
  const auto length = text.find("Content-Length: ");
  const bool stated = length < end;
  std::size_t left = stated ? std::strtoul(text.c_str() + length + 16, nullptr, 10) : 0;
  send(fd,
       "HTTP/1.1 200 OK\r\n" +
           (stated ? "Content-Length: " + std::to_string(left) : std::string("Transfer-Encoding: chunked")) +
           "\r\n\r\n");
  std::string body = text.substr(end + 4);
  constexpr std::string_view last = "0\r\n\r\n";
  for (std::string end_of_body;;) {
    send(fd, body);
    left -= std::min(left, body.size());
    end_of_body = (end_of_body + body)
                      .substr(end_of_body.size() + body.size() -
                              std::min(last.size(), end_of_body.size() + body.size()));
    if (stated ? left == 0 : end_of_body == last)
      return;
    const auto n = ::read(fd, bytes, sizeof bytes);
    if (n <= 0)
      return;
    body.assign(bytes, static_cast<std::size_t>(n));
  }
}

std::string read_head(int fd) {
  std::string text;
  char byte;
  while (!text.ends_with("\r\n\r\n"))
    if (::read(fd, &byte, 1) == 1)
      text.push_back(byte);
    else
      return {};
  return text;
}

} // namespace

[[noreturn]] void send_back_always() {
  const int listener = listen_behind_symlink();
  for (;;) {
    const int fd = ::accept(listener, nullptr, nullptr);
    pollfd readable{fd, POLLIN, 0};
    char byte;
    while (::poll(&readable, 1, -1) == 1 && ::recv(fd, &byte, 1, MSG_PEEK) == 1)
      send_back_in_pieces(fd);
    ::close(fd);
  }
}

// Reads its request to the end, in chunks or not, and says how much that was.
[[noreturn]] void count_bytes() {
  const int listener = listen_behind_symlink();
  for (;;) {
    const int fd = ::accept(listener, nullptr, nullptr);
    for (std::string head; !(head = read_head(fd)).empty();) {
      const auto length = head.find("Content-Length: ");
      const bool chunked = length == head.npos;
      std::size_t left = chunked ? 0 : std::strtoul(head.c_str() + length + 16, nullptr, 10), all = 0;
      std::string end;
      char bytes[4096];
      while (chunked ? !end.ends_with("\r\n0\r\n\r\n") : left != 0) {
        const auto n = ::read(fd, bytes, chunked ? 1 : std::min(left, sizeof bytes));
        if (n <= 0)
          break;
        all += static_cast<std::size_t>(n);
        left -= chunked ? 0 : static_cast<std::size_t>(n);
        if (chunked)
          end = (end + bytes[0]).substr(end.size() < 8 ? 0 : 1);
      }
      send(fd, reply(std::to_string(all)));
    }
    ::close(fd);
  }
}

// Answers what it has read the head of, and drops the rest.
[[noreturn]] void answer_early() {
  const int listener = listen_behind_symlink();
  for (;;) {
    const int fd = ::accept(listener, nullptr, nullptr);
    read_head(fd);
    send(fd, reply("enough"));
    char bytes[4096];
    while (::read(fd, bytes, sizeof bytes) > 0)
      ;
    ::close(fd);
  }
}

// As Node does of more than 16 KiB: takes no longer head than 8 KiB, says so without reading on, and closes.
[[noreturn]] void refuse_long_heads() {
  const int listener = listen_behind_symlink();
  for (;;) {
    const int fd = ::accept(listener, nullptr, nullptr);
    std::string head(8 * 1024, '\0');
    for (;;) {
      const auto n = ::recv(fd, head.data(), head.size(), MSG_PEEK);
      if (n <= 0)
        break;
      const bool ends =
          std::string_view(head).substr(0, static_cast<std::size_t>(n)).find("\r\n\r\n") != head.npos;
      if (static_cast<std::size_t>(n) == head.size() && !ends) {
        send(fd, "HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\n\r\n");
        break;
      }
      if (ends)
        send_back(fd, read_request(fd));
    }
    ::close(fd);
  }
}

} // namespace test_function
