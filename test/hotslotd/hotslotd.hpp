// A real hotslotd for tests, and a blocking client for it.
#ifndef HOTSLOT_TEST_HOTSLOTD_HOTSLOTD_HPP
#define HOTSLOT_TEST_HOTSLOTD_HOTSLOTD_HPP

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/json/value.hpp>

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace hotslot::test {

namespace http = boost::beast::http;
using response = http::response<http::string_body>;

/// A keep-alive connection.
class connection {
 public:
  explicit connection(std::uint16_t port);

  response call(http::verb method, const std::string& target, const std::string& body = {});
  void send(http::verb method, const std::string& target, const std::string& body = {});
  void send_raw(const std::string& bytes);
  response receive();

  /// Whether the server has closed the connection; waits for it.
  bool closed();
  /// Closes it without a word.
  void abandon() { socket_.close(); }

 private:
  boost::asio::io_context io_;
  boost::asio::ip::tcp::socket socket_;
  boost::beast::flat_buffer buffer_;
};

/// A directory that goes away with the test.
class temporary_directory {
 public:
  temporary_directory();
  ~temporary_directory();
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// How a process that was run to its end ended.
struct ended {
  int code = -1; ///< The exit code; -1 after a signal.
  std::string out;
  std::string err;
};

/// A member of the configuration's list of functions.
struct fn {
  std::string name;
  std::vector<std::string> command;
  std::string more = {}; ///< Further members, each with a comma before it.
  std::string dir = {};

  std::string json() const;
};

/// The sample functions.
inline const fn echo{"echo", {ECHO_FUNCTION}};
inline const fn slow{"slow", {SLOW_FUNCTION}};

inline fn with(fn f, const std::string& more) {
  f.more = more;
  return f;
}

class hotslotd {
 public:
  /// Starts it with these functions of app "t", each with the trigger of its name, and waits until it serves.
  explicit hotslotd(const std::vector<fn>& functions, const std::string& more = {}, int threads = 2);
  ~hotslotd();
  hotslotd(const hotslotd&) = delete;
  hotslotd& operator=(const hotslotd&) = delete;

  /// Runs it to its end.
  static ended run(const std::vector<std::string>& arguments);

  std::uint16_t port() const { return port_; }
  std::uint16_t admin_port() const { return admin_port_; }
  pid_t pid() const { return pid_; }

  response call(const std::string& target, const std::string& body = "hi",
                http::verb method = http::verb::post);
  response admin(const std::string& target, http::verb method = http::verb::get);

  /// In place of the file that it was started with; in force by a reload.
  void write_config(const std::vector<fn>& functions, const std::string& more = {});
  void write_config_text(const std::string& text);

  /// The member of /stats for a function.
  boost::json::object stats(const std::string& name);

  /// Waits until /stats says that nobody waits, starts or runs, which it has to say in the end.
  void settle();

  std::string log() const;
  /// What workers have left of their sockets.
  std::size_t socket_directories() const;
  /// Children of the server, zombies included.
  std::vector<pid_t> children() const;
  std::size_t descriptors() const;

  void signal(int number) const;
  /// Waits for its end and returns the exit code.
  int wait();

 private:
  temporary_directory directory_;
  pid_t pid_ = -1;
  std::uint16_t port_ = 0;
  std::uint16_t admin_port_ = 0;
};

/// Becomes ready when a process ends, whoever's child it is.
class process_watch {
 public:
  explicit process_watch(pid_t pid);
  ~process_watch();
  process_watch(const process_watch&) = delete;
  process_watch& operator=(const process_watch&) = delete;

  bool ended_within(std::chrono::milliseconds t) const;

 private:
  int fd_;
};

/// The pid that a sample function has put into its answer.
pid_t pid_of(const response& r);

/// Asks until the answer is yes, which it has to be in the end.
template <class Predicate>
void eventually(Predicate predicate) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!predicate()) {
    if (std::chrono::steady_clock::now() > end)
      throw std::runtime_error("waited in vain");
    std::this_thread::yield();
  }
}

/// Runs `work` on `n` threads and waits for them.
void in_parallel(int n, const std::function<void(int)>& work);

} // namespace hotslot::test

#endif
