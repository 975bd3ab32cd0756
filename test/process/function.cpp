// A function that behaves, or misbehaves, as its first argument says.
#include "function.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
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
#include <random>
#include <string>
#include <utility>

extern char** environ;

namespace test_function {

namespace fs = std::filesystem;

namespace {

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

} // namespace

int listen_behind_symlink() {
  const fs::path side = socket_path().parent_path() / "phonylsnr.sock";
  const int fd = bind_socket(side);
  ::listen(fd, 8);
  fs::create_symlink(side.filename(), socket_path());
  return fd;
}

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

bool send_back(int fd, const std::string& request) {
  send(fd, reply(request));
  return true;
}

namespace {

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

// Says so when the connection is closed, for a caller that wants to call after that.
bool send_back_and_close(int fd, const std::string& request) {
  static int calls = 0;
  send_back(fd, request);
  ::shutdown(fd, SHUT_RDWR);
  std::printf("closed %d\n", ++calls);
  std::fflush(stdout);
  return false;
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

// Under the same name, with another socket; or, where it is told to, with one outside of its directory.
[[noreturn]] void replace_listener() {
  const int first = listen_behind_symlink();
  const int fd = ::accept(first, nullptr, nullptr);
  send_back(fd, read_request(fd));
  ::close(fd);
  ::close(first);
  const char* outside = std::getenv("OUTSIDE");
  const fs::path other = (outside ? fs::path(outside) : socket_path().parent_path()) / "other";
  const int second = bind_socket(other);
  ::listen(second, 8);
  const fs::path link = socket_path().parent_path() / "link";
  fs::create_symlink(outside ? other : other.filename(), link);
  fs::rename(link, socket_path());
  std::cout << "replaced" << std::endl;
  serve(second, send_back);
}

// Answers how many connections there have been.
[[noreturn]] void count_connections() {
  const int listener = listen_behind_symlink();
  for (int connections = 1;; ++connections) {
    const int fd = ::accept(listener, nullptr, nullptr);
    while (!read_request(fd).empty())
      send(fd, reply(std::to_string(connections)));
    ::close(fd);
  }
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

// For each call one, which ends once nobody but process 1 is there to be told.
void leave_orphans() {
  serve([](int fd, const std::string& request) {
    int parent_lives[2];
    if (::pipe2(parent_lives, O_CLOEXEC) != 0)
      return false;
    const pid_t child = ::fork();
    if (child == 0) {
      if (::fork() == 0) {
        ::close(parent_lives[1]);
        char byte;
        ::_exit(::read(parent_lives[0], &byte, 1) == 0 ? 0 : 1);
      }
      ::_exit(0);
    }
    ::close(parent_lives[0]);
    ::close(parent_lives[1]);
    ::waitpid(child, nullptr, 0);
    send(fd, reply(std::to_string(child)));
    return !request.empty();
  });
}

bool tell_groups(int fd, const std::string&) {
  gid_t groups[64];
  std::string all;
  const int n = ::getgroups(64, groups);
  for (int i = 0; i < n; ++i)
    all += std::to_string(groups[i]) + ' ';
  send(fd, reply(all + "and " + std::to_string(::getgid())));
  return true;
}

// For each call two that nobody ends: one of its group, and one that has left it, its session and its parent.
void leave_strays() {
  serve([](int fd, const std::string& request) {
    if (::fork() == 0)
      wait_for_ever();
    const pid_t child = ::fork();
    if (child == 0) {
      ::setsid();
      if (::fork() == 0)
        wait_for_ever();
      ::_exit(0);
    }
    ::waitpid(child, nullptr, 0);
    return send_back(fd, request);
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

// Tells that it was asked to end.
void ignore_term() {
  std::signal(SIGTERM, [](int) { (void)!::write(STDOUT_FILENO, "asked to end\n", 13); });
  serve(send_back);
}

void write_lines() {
  std::cout << "first\nsecond\r\n\n" << std::string(20'000, 'x') << "\nafter" << std::endl;
  std::cerr << "complaint" << std::endl;
  std::cout << "\nno end" << std::flush;
  serve(send_back);
}

// By SIGALRM, wherever it is by then, from its first call on.
bool end_at_random(int fd, const std::string& request) {
  static bool begun = false;
  if (!std::exchange(begun, true)) {
    const auto us = 1 + std::random_device()() % 999'999;
    const itimerval once{.it_interval = {}, .it_value = {0, static_cast<suseconds_t>(us)}};
    ::setitimer(ITIMER_REAL, &once, nullptr);
  }
  return send_back(fd, request);
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
    {"never-listen",
     [] {
       std::cout << "does not listen" << std::endl;
       wait_for_ever();
     }},
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
    {"no-blank", [] { serve(always("HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", true)); }},
    {"no-blank-in-bytes",
     [] {
       serve([](int fd, const std::string&) {
         for (const char c :
              std::string_view("HTTP/1.1 100\r\n\r\nHTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok"))
           send(fd, {c});
         return true;
       });
     }},
    {"short-garbage", [] { serve(always("BAD REPLY\r\n", true)); }},
    {"empty", [] { serve(always("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true)); }},
    {"status-205",
     [] { serve(always("HTTP/1.1 200 OK\r\nFn-Http-Status: 205\r\nContent-Length: 2\r\n\r\nno", true)); }},
    {"status-222",
     [] { serve(always("HTTP/1.1 200 OK\r\nFn-Http-Status: 222\r\nContent-Length: 2\r\n\r\nno", true)); }},
    {"interim", [] { serve(always("HTTP/1.1 100 Continue\r\n\r\n" + reply("late"), true)); }},
    {"close-after-interim", [] { serve(always("HTTP/1.1 100 Continue\r\n\r\n")); }},
    {"too-much", [] { serve(always(reply("one") + reply("two"), true)); }},
    {"close-idle", [] { serve(send_back_and_close); }},
    {"close-while-reading", close_while_reading},
    {"close-politely",
     [] { serve(always("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")); }},
    {"pieces", send_back_always},
    {"count-bytes", count_bytes},
    {"hasty", answer_early},
    {"events", begin_events},
    {"narrow", refuse_long_heads},
    {"trailer",
     [] {
       serve(always("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Head: 1\r\n\r\n"
                    "3\r\none\r\n0\r\nX-Late: 1\r\nFn-Http-Status: 500\r\n\r\n",
                    true));
     }},
    {"status-99", [] { serve(always("HTTP/1.1 099 No\r\nContent-Length: 0\r\n\r\n", true)); }},
    {"status-500", [] { serve(always("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", true)); }},
    {"replace-listener", replace_listener},
    {"count-connections", count_connections},
    {"end-at-random", [] { serve(end_at_random); }},
    {"about", answer_about_itself},
    {"gate", wait_at_gate},
    {"children", fork_children},
    {"orphans", leave_orphans},
    {"strays", leave_strays},
    {"groups", [] { serve(tell_groups); }},
    {"stranger", let_a_stranger_hold_the_connection},
    {"ignore-term", ignore_term},
    {"lines", write_lines},
    {"talk", [] { serve(talk); }},
};

} // namespace

} // namespace test_function

int main(int argc, char** argv) {
  using test_function::modes;
  const auto mode = modes.find(argc > 1 ? argv[1] : "");
  if (mode == modes.end())
    return 2;
  mode->second();
}
