// A server on a free loopback port whose context is run by two threads, and handlers to call.
#ifndef HOTSLOT_TEST_HTTP_SERVER_SERVED_HPP
#define HOTSLOT_TEST_HTTP_SERVER_SERVED_HPP

#include <hotslot/http/server.hpp>

#include "client.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

namespace hotslot::test {

/// Bytes that /big answers: more than any socket buffer takes.
inline constexpr std::size_t big_answer = 16 * 1024 * 1024;

/// Bytes that /upload/beside writes while it reads.
inline constexpr std::size_t big_piece = 512 * 1024;

/// Things that happened, counted; a test waits for them instead of sleeping.
class events {
 public:
  void add(const std::string& name);
  /// Waits until `name` has happened `n` times; false after 20 s.
  bool wait(const std::string& name, int n = 1);
  int count(const std::string& name);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, int> counts_;
};

class served {
 public:
  explicit served(http::server_options options = {}, int threads = 2);
  ~served();

  http::server& server() { return *server_; }
  const client::tcp::endpoint& endpoint() const { return endpoint_; }
  client connect(int receive_buffer = 0) { return client(endpoint_, receive_buffer); }

  /// Lets the calls to /gate finish.
  void open_gate() { gate_open_ = true; }
  /// Drains in the background, and says "drained" when that has completed.
  void drain(std::chrono::steady_clock::duration grace);
  /// Says "drained" when the server has ended.
  void join();

  events happened;

 private:
  boost::asio::awaitable<http::response> handle(http::request&& req, http::exchange& ex);
  boost::asio::awaitable<http::response> handle_pieces(const std::string& target, http::exchange& ex);
  boost::asio::awaitable<http::response> handle_upload(const std::string& target, http::request&& req,
                                                       http::exchange& ex);
  boost::asio::awaitable<http::response> write_while_reading(http::exchange& ex);
  boost::asio::awaitable<void> write_for_ever(http::exchange& ex);
  boost::asio::awaitable<http::response> wait_for_gate();
  boost::asio::awaitable<http::response> wait_for_ever(http::exchange& ex);
  boost::asio::awaitable<http::response> wait_and_clean_up(http::exchange& ex);

  boost::asio::io_context context_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::atomic<bool> gate_open_ = false;
  std::unique_ptr<http::server> server_;
  client::tcp::endpoint endpoint_;
  std::vector<std::thread> threads_;
};

} // namespace hotslot::test

#endif
