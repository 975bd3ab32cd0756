#include "hotslotd.hpp"

#include "joining_thread.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace hotslot::test {

namespace fs = std::filesystem;
namespace json = boost::json;
using boost::asio::ip::tcp;

namespace {

std::string read_file(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// One of its own, but for what steers the sanitizers, which is the test run's.
std::vector<std::string> environment_of_server() {
  std::vector<std::string> environment{"PATH=/usr/bin:/bin", "SECRET=of-the-server"};
  for (const char* name : {"ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"})
    if (const char* value = std::getenv(name))
      environment.push_back(std::string(name) + "=" + value);
  return environment;
}

pid_t start(const std::vector<std::string>& arguments, int out, const fs::path& err) {
  std::vector<char*> argv{const_cast<char*>(HOTSLOTD)};
  for (const auto& a : arguments)
    argv.push_back(const_cast<char*>(a.c_str()));
  argv.push_back(nullptr);
  std::vector<std::string> environment = environment_of_server();
  std::vector<char*> env;
  for (auto& variable : environment)
    env.push_back(variable.data());
  env.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, out, 1);
  posix_spawn_file_actions_addopen(&actions, 2, err.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
  pid_t pid = -1;
  const int error = posix_spawn(&pid, HOTSLOTD, &actions, nullptr, argv.data(), env.data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0)
    throw std::system_error(error, std::system_category(), HOTSLOTD);
  return pid;
}

int exit_code_of(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

struct pipe_ends {
  int read = -1;
  int write = -1;
};

pipe_ends make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    throw std::system_error(errno, std::system_category(), "pipe");
  return {ends[0], ends[1]};
}

std::string read_line(int fd) {
  std::string line;
  for (char c = 0; ::read(fd, &c, 1) == 1 && c != '\n';)
    line.push_back(c);
  return line;
}

std::uint16_t port_in(const std::string& line, const std::string& begins, const fs::path& log) {
  if (!line.starts_with(begins))
    throw std::runtime_error("hotslotd said '" + line + "'\n" + read_file(log));
  return static_cast<std::uint16_t>(std::stoul(line.substr(line.rfind(':') + 1)));
}

} // namespace

connection::connection(std::uint16_t port)
  : socket_(io_) {
  socket_.connect({boost::asio::ip::address_v4::loopback(), port});
  socket_.set_option(tcp::no_delay(true));
}

void connection::send(http::verb method, const std::string& target, const std::string& body) {
  http::request<http::string_body> request(method, target, 11, body);
  request.set(http::field::host, "test");
  request.prepare_payload();
  http::write(socket_, request);
}

void connection::send_raw(const std::string& bytes) {
  boost::asio::write(socket_, boost::asio::buffer(bytes));
}

response connection::receive() {
  http::response_parser<http::string_body> parser;
  parser.body_limit(boost::none);
  http::read(socket_, buffer_, parser);
  return parser.release();
}

response connection::call(http::verb method, const std::string& target, const std::string& body) {
  send(method, target, body);
  return receive();
}

bool connection::closed() {
  char c = 0;
  boost::system::error_code ec;
  socket_.read_some(boost::asio::buffer(&c, 1), ec);
  return ec.failed();
}

temporary_directory::temporary_directory() {
  std::string name = (fs::temp_directory_path() / "hotslot-e2e-XXXXXX").string();
  if (!mkdtemp(name.data()))
    throw std::system_error(errno, std::system_category(), name);
  path_ = name;
}

temporary_directory::~temporary_directory() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::string fn::json() const {
  json::array words;
  for (const auto& w : command)
    words.emplace_back(w);
  std::string text = R"({"app": "t", "name": ")" + name + R"(", "trigger": "/)" + name +
                     R"(", "memory_mb": 16, "command": )" + json::serialize(words);
  if (!dir.empty())
    text += R"(, "dir": ")" + dir + '"';
  return text + more + "}";
}

hotslotd::hotslotd(const std::vector<fn>& functions, const std::string& more, int threads) {
  const fs::path config = directory_.path() / "hotslot.json";
  fs::create_directory(directory_.path() / "s");
  write_config(functions, more);
  const fs::path log = directory_.path() / "log";
  const pipe_ends out = make_pipe();
  pid_ = start({"--config", config.string(), "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--threads",
                std::to_string(threads), "--log-level", "debug"},
               out.write, log);
  ::close(out.write);
  try {
    port_ = port_in(read_line(out.read), "listening on http://", log);
    admin_port_ = port_in(read_line(out.read), "admin on http://", log);
  } catch (...) {
    ::close(out.read);
    signal(SIGKILL);
    wait();
    throw;
  }
  ::close(out.read);
}

void hotslotd::write_config(const std::vector<fn>& functions, const std::string& more) {
  std::string text = R"({"socket_dir": "s", "functions": [)";
  for (std::size_t i = 0; i < functions.size(); ++i)
    text += (i != 0 ? "," : "") + functions[i].json();
  write_config_text(text + "]" + more + "}");
}

void hotslotd::write_config_text(const std::string& text) {
  std::ofstream(directory_.path() / "hotslot.json") << text;
}

hotslotd::~hotslotd() {
  if (pid_ < 0)
    return;
  signal(SIGKILL);
  wait();
}

ended hotslotd::run(const std::vector<std::string>& arguments) {
  temporary_directory directory;
  const fs::path err = directory.path() / "err";
  const pipe_ends out = make_pipe();
  const pid_t pid = start(arguments, out.write, err);
  ::close(out.write);
  ended e;
  char bytes[1024];
  for (ssize_t n; (n = ::read(out.read, bytes, sizeof bytes)) > 0;)
    e.out.append(bytes, static_cast<std::size_t>(n));
  ::close(out.read);
  e.code = exit_code_of(pid);
  e.err = read_file(err);
  return e;
}

response hotslotd::call(const std::string& target, const std::string& body, http::verb method) {
  return connection(port_).call(method, target, body);
}

response hotslotd::admin(const std::string& target, http::verb method) {
  return connection(admin_port_).call(method, target);
}

json::object hotslotd::stats(const std::string& name) {
  const auto document = json::parse(admin("/stats").body());
  for (const auto& q : document.at("queues").as_array())
    if (q.at("name").as_string() == name.c_str())
      return q.as_object();
  throw std::runtime_error("no queue " + name);
}

void hotslotd::settle() {
  connection c(admin_port_);
  eventually([&] {
    const auto totals = json::parse(c.call(http::verb::get, "/stats").body()).at("totals");
    const auto& states = totals.at("states");
    const auto is_zero = [](const json::value& v) { return v.to_number<int>() == 0; };
    return is_zero(states.at("waiter")) && is_zero(states.at("starter")) && is_zero(states.at("runner")) &&
           is_zero(totals.at("busy")) && is_zero(totals.at("resource_waiters"));
  });
}

std::string hotslotd::log() const { return read_file(directory_.path() / "log"); }

std::size_t hotslotd::socket_directories() const {
  const fs::directory_iterator entries(directory_.path() / "s");
  return static_cast<std::size_t>(
      std::count_if(begin(entries), end(entries), [](const auto& entry) { return entry.is_directory(); }));
}

std::vector<pid_t> hotslotd::children() const {
  std::vector<pid_t> pids;
  std::error_code ec;
  for (const auto& task : fs::directory_iterator("/proc/" + std::to_string(pid_) + "/task", ec)) {
    std::istringstream in(read_file(task.path() / "children"));
    for (pid_t p; in >> p;)
      pids.push_back(p);
  }
  return pids;
}

std::size_t hotslotd::descriptors() const {
  const fs::directory_iterator entries("/proc/" + std::to_string(pid_) + "/fd");
  return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
}

void hotslotd::signal(int number) const { ::kill(pid_, number); }

int hotslotd::wait() {
  const int code = exit_code_of(pid_);
  pid_ = -1;
  return code;
}

process_watch::process_watch(pid_t pid)
  : fd_(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))) {
  if (fd_ < 0)
    throw std::system_error(errno, std::system_category(), "pidfd_open");
}

process_watch::~process_watch() { ::close(fd_); }

bool process_watch::ended_within(std::chrono::milliseconds t) const {
  pollfd p{fd_, POLLIN, 0};
  return ::poll(&p, 1, static_cast<int>(t.count())) == 1;
}

pid_t pid_of(const response& r) {
  const std::string text(r["X-Pid"]);
  if (text.empty())
    throw std::runtime_error("no X-Pid in an answer of status " + std::to_string(r.result_int()) + ": " +
                             r.body());
  return std::stoi(text);
}

void in_parallel(int n, const std::function<void(int)>& work) {
  std::vector<joining_thread> threads;
  for (int i = 0; i < n; ++i)
    threads.emplace_back([&work, i] { work(i); });
}

} // namespace hotslot::test
