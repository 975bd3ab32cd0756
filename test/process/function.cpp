// A function that behaves, or misbehaves, as its first argument says.
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <string>

extern char** environ;

namespace {

namespace fs = std::filesystem;

fs::path socket_path() { return std::getenv("FN_LISTENER") + std::strlen("unix:"); }

int bind_socket(const fs::path& path) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    std::exit(3);
  return fd;
}

int listen_behind_symlink() {
  const fs::path side = socket_path().parent_path() / "phonylsnr.sock";
  const int fd = bind_socket(side);
  ::listen(fd, 8);
  fs::create_symlink(side.filename(), socket_path());
  return fd;
}

// The head and as much of the body as its Content-Length says; empty at the connection's end.
std::string read_request(int fd) {
  std::string text;
  std::size_t wanted = std::string::npos;
  char bytes[4096];
  while (text.size() < wanted) {
    const auto n = ::read(fd, bytes, sizeof bytes);
    if (n <= 0)
      return {};
    text.append(bytes, static_cast<std::size_t>(n));
    const auto end = text.find("\r\n\r\n");
    if (wanted != std::string::npos || end == std::string::npos)
      continue;
    const auto length = text.find("Content-Length: ");
    wanted = end + 4 + (length < end ? std::strtoul(text.c_str() + length + 16, nullptr, 10) : 0);
  }
  return text;
}

void send(int fd, const std::string& text) {
  for (std::size_t sent = 0; sent < text.size();) {
    const auto n = ::write(fd, text.data() + sent, text.size() - sent);
    if (n <= 0)
      return;
    sent += static_cast<std::size_t>(n);
  }
}

std::string reply(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nFn-Http-H-X-Pid: " + std::to_string(::getpid()) +
         "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

// Whether the connection may serve another request.
using answer = std::function<bool(int fd, const std::string& request)>;

[[noreturn]] void serve(int listener, const answer& handle) {
  for (;;) {
    const int fd = ::accept(listener, nullptr, nullptr);
    for (;;) {
      const std::string request = read_request(fd);
      if (request.empty() || !handle(fd, request))
        break;
    }
    ::close(fd);
  }
}

[[noreturn]] void serve(const answer& handle) { serve(listen_behind_symlink(), handle); }

bool send_back(int fd, const std::string& request) {
  send(fd, reply(request));
  return true;
}

// Says so when the connection is closed, for a caller that wants to call after that.
bool send_back_and_close(int fd, const std::string& request) {
  static int calls = 0;
  send_back(fd, request);
  ::shutdown(fd, SHUT_RDWR);
  std::printf("closed %d\n", ++calls);
  std::fflush(stdout);
  return false;
}

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

// One event, and then nothing more.
void begin_events() {
  serve([](int fd, const std::string&) {
    send(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
             "b\r\ndata: one\n\n\r\n");
    return true;
  });
}

// Serves one call; begins to read the next, and closes then; serves what comes after on new connections.
[[noreturn]] void close_while_reading() {
  const int listener = listen_behind_symlink();
  const int fd = ::accept(listener, nullptr, nullptr);
  send_back(fd, read_request(fd));
  char byte;
  (void)!::read(fd, &byte, 1);
  ::close(fd);
  serve(listener, send_back);
}

answer always(std::string text, bool again = false) {
  return [text = std::move(text), again](int fd, const std::string&) { return send(fd, text), again; };
}

[[noreturn]] void wait_for_ever() {
  for (;;)
    ::pause();
}

void listen_outside() {
  char outside[] = "/tmp/outside-XXXXXX";
  const fs::path side = fs::path(::mkdtemp(outside)) / "s";
  ::listen(bind_socket(side), 8);
  fs::create_symlink(side, socket_path());
  std::cout << "outside " << side.parent_path().string() << std::endl;
  wait_for_ever();
}

void listen_in_place() {
  const int fd = bind_socket(socket_path());
  if (std::getenv("LISTEN_LATE"))
    ::usleep(20'000);
  ::listen(fd, 8);
  serve(fd, send_back);
}

std::string all_variables() {
  std::string all;
  for (char** variable = environ; *variable; ++variable)
    all.append(*variable).push_back('\n');
  return all;
}

std::string open_descriptors() {
  std::string all;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd"))
    all += entry.path().filename().string() + '=' + fs::read_symlink(entry.path()).string() + '\n';
  return all;
}

std::string signals() {
  std::string all, line;
  std::ifstream status("/proc/self/status");
  while (std::getline(status, line))
    if (line.starts_with("SigBlk") || line.starts_with("SigIgn"))
      all += line + '\n';
  return all;
}

void answer_about_itself() {
  const std::string env = all_variables(), descriptors = open_descriptors(), sigs = signals();
  serve([=](int fd, const std::string&) {
    send(fd, reply(env + "cwd=" + fs::current_path().string() + '\n' + descriptors + sigs));
    return true;
  });
}

// Tells the length of the body, connects to the socket named by GATE, and answers when it hears from there.
void wait_at_gate() {
  serve([](int fd, const std::string& request) {
    std::cout << "body of " << request.size() - request.find("\r\n\r\n") - 4 << " bytes" << std::endl;
    const int gate = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, std::getenv("GATE"), sizeof address.sun_path - 1);
    ::connect(gate, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    char byte;
    (void)!::read(gate, &byte, 1);
    ::close(gate);
    return send_back(fd, request);
  });
}

void fork_children() {
  serve([](int fd, const std::string& request) {
    const pid_t child = ::fork();
    if (child == 0)
      wait_for_ever();
    send(fd, reply(std::to_string(child)));
    return !request.empty();
  });
}

void let_a_stranger_hold_the_connection() {
  serve([](int, const std::string&) {
    if (::fork() == 0) {
      ::setsid();
      std::cout << "stranger " << ::getpid() << std::endl;
      wait_for_ever();
    }
    wait_for_ever();
    return false;
  });
}

void ignore_term() {
  std::signal(SIGTERM, SIG_IGN);
  serve(send_back);
}

void write_lines() {
  std::cout << "first\nsecond\r\n\n" << std::string(20'000, 'x') << "\nafter" << std::endl;
  std::cerr << "complaint" << std::endl;
  std::cout << "\nno end" << std::flush;
  serve(send_back);
}

std::string field(const std::string& request, const std::string& name) {
  const auto at = request.find("\r\n" + name + ": ");
  if (at == std::string::npos)
    return {};
  const auto begin = at + name.size() + 4;
  return request.substr(begin, request.find("\r\n", begin) - begin);
}

// As an FDK does.
void write_frame(const std::string& id) {
  const char* name = std::getenv("FN_LOGFRAME_NAME");
  if (!name || std::string_view(std::getenv("FN_LOGFRAME_HDR")) != "Fn-Call-Id")
    return;
  std::cout << '\n' << name << '=' << id << std::endl;
  std::cerr << '\n' << name << '=' << id << std::endl;
}

// Writes its call's id to both streams, and to its output what it is told behind it, before it answers.
bool talk(int fd, const std::string& request) {
  const auto id = field(request, "Fn-Call-Id");
  write_frame(id);
  std::cout << id << ' ' << request.substr(request.find("\r\n\r\n") + 4) << std::endl;
  std::cerr << id << std::endl;
  return send_back(fd, request);
}

const std::map<std::string, std::function<void()>> modes = {
    {"echo", [] { serve(send_back); }},
    {"exit", [] { std::exit(7); }},
    {"exit-with-words",
     [] {
       std::cerr << "cannot go on" << std::endl;
       ::_exit(1);
     }},
    {"abort", [] { ::raise(SIGKILL); }},
    {"never-listen", wait_for_ever},
    {"outside", listen_outside},
    {"dangling",
     [] {
       fs::create_symlink("nothing", socket_path());
       wait_for_ever();
     }},
    {"regular-file",
     [] {
       std::ofstream(socket_path()) << "no";
       wait_for_ever();
     }},
    {"directory",
     [] {
       fs::create_directory(socket_path());
       wait_for_ever();
     }},
    {"bound-only",
     [] {
       bind_socket(socket_path());
       wait_for_ever();
     }},
    {"in-place", listen_in_place},
    {"garbage", [] { serve(always("\x01\x02 this is not HTTP\r\n\r\n")); }},
    {"close-at-once", [] { serve([](int, const std::string&) { return false; }); }},
    {"close-in-head", [] { serve(always("HTTP/1.1 200 OK\r\nContent-Le")); }},
    {"close-in-body", [] { serve(always("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")); }},
    {"never-read",
     [] {
       listen_behind_symlink();
       wait_for_ever();
     }},
    {"swallow",
     [] {
       serve([](int fd, const std::string&) {
         char bytes[4096];
         while (::read(fd, bytes, sizeof bytes) > 0)
           ;
         return false;
       });
     }},
    {"never-answer", [] { serve([](int, const std::string&) -> bool { wait_for_ever(); }); }},
    {"exit-in-call", [] { serve([](int, const std::string&) -> bool { ::_exit(1); }); }},
    {"huge-body", [] { serve(always(reply(std::string(100'000, 'x')))); }},
    {"huge-chunks",
     [] {
       serve(always("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n186a0\r\n" +
                    std::string(100'000, 'x') + "\r\n0\r\n\r\n"));
     }},
    {"huge-header", [] { serve(always("HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'x') + "\r\n\r\n")); }},
    {"chunks",
     [] {
       serve(always("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n",
                    true));
     }},
    {"until-close", [] { serve(always("HTTP/1.1 200 OK\r\n\r\nto the end")); }},
    {"interim", [] { serve(always("HTTP/1.1 100 Continue\r\n\r\n" + reply("late"), true)); }},
    {"too-much", [] { serve(always(reply("one") + reply("two"), true)); }},
    {"close-idle", [] { serve(send_back_and_close); }},
    {"close-while-reading", close_while_reading},
    {"close-politely",
     [] { serve(always("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")); }},
    {"pieces", send_back_always},
    {"events", begin_events},
    {"trailer",
     [] {
       serve(always("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Head: 1\r\n\r\n"
                    "3\r\none\r\n0\r\nX-Late: 1\r\nFn-Http-Status: 500\r\n\r\n",
                    true));
     }},
    {"status-99", [] { serve(always("HTTP/1.1 099 No\r\nContent-Length: 0\r\n\r\n", true)); }},
    {"status-500", [] { serve(always("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", true)); }},
    {"about", answer_about_itself},
    {"gate", wait_at_gate},
    {"children", fork_children},
    {"stranger", let_a_stranger_hold_the_connection},
    {"ignore-term", ignore_term},
    {"lines", write_lines},
    {"talk", [] { serve(talk); }},
};

} // namespace

int main(int argc, char** argv) {
  const auto mode = modes.find(argc > 1 ? argv[1] : "");
  if (mode == modes.end())
    return 2;
  mode->second();
}
