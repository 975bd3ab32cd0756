// What the connections of one server share: handler, limits, the list of those that are open, the way down.
#pragma once

#include "session_list.hpp"
#include "stream_socket.hpp"

#include <hotslot/http/server.hpp>

#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <mutex>
#include <optional>
#include <vector>

namespace hotslot::http::detail {

/// Accepting, and everything about the way down, happens on `executor_`; the list is guarded by a mutex,
/// since sessions enter and leave it on their own executors.
class server_core : public std::enable_shared_from_this<server_core> {
 public:
  using clock = std::chrono::steady_clock;
  using tcp = boost::asio::ip::tcp;

  server_core(boost::asio::any_io_executor executor, server_handler handler, server_options options);
  ~server_core();

  const boost::asio::any_io_executor& get_executor() const noexcept { return context_executor_; }
  const server_limits& limits() const noexcept { return options_.limits; }
  const server_handler& handler() const noexcept { return handler_; }
  const trusted_proxies& proxies() const noexcept { return options_.proxies; }
  bool keeps_underscores() const noexcept { return options_.underscores_in_headers; }
  std::optional<response> admit(request& head) const;
  /// Null where the server is a plain one.
  std::shared_ptr<boost::asio::ssl::context> tls() const;
  bool draining() const noexcept { return draining_.load(std::memory_order_acquire); }
  void log(std::string_view message) const;
  const std::function<void(const access_record&)>& on_answered() const noexcept {
    return options_.on_answered;
  }

  tcp::endpoint listen(const tcp::endpoint& at);
  tcp::endpoint adopt(int fd);
  void start();
  void drain(clock::duration grace);
  void stop();
  static boost::asio::awaitable<void> join(std::shared_ptr<server_core> core);
  static boost::asio::awaitable<void> drain_and_join(std::shared_ptr<server_core> core,
                                                     clock::duration grace);
  connection_counts counts() const;
  byte_budget* bodies() const noexcept { return options_.bodies.get(); }
  /// Whether somebody waits for a connection to end.
  bool crowded() const noexcept { return crowded_.load(std::memory_order_relaxed); }

  void leave(session& s) noexcept;
  void note_given_up() noexcept { given_up_.fetch_add(1, std::memory_order_relaxed); }
  void note_body_refused() noexcept { bodies_refused_.fetch_add(1, std::memory_order_relaxed); }
  void note_tls_failed() noexcept { tls_failed_.fetch_add(1, std::memory_order_relaxed); }

 private:
  boost::asio::any_io_executor session_executor() const;
  void accept();
  void on_accept(const boost::system::error_code& ec, stream_protocol::socket socket);
  void accept_later(const boost::system::error_code& ec);
  enum class next { nothing, accept, wait_for_caller };
  next claim_accept();
  void wait_for_caller();
  void make_room();
  void look_again();
  void accept_ended();
  bool counts_by_address(const tcp::endpoint& peer) const;
  bool may_enter(const tcp::endpoint& peer);
  void enter(session& s);
  void begin_drain();
  void cut_at(clock::time_point when);
  void cut_all();
  bool finished_now(); ///< With the mutex held; true once.
  void finish();

  const boost::asio::any_io_executor context_executor_;
  const boost::asio::any_io_executor executor_;
  const server_handler handler_;
  const server_options options_;

  stream_acceptor acceptor_;
  stream_protocol::endpoint peer_;
  boost::asio::steady_timer backoff_;
  boost::asio::steady_timer grace_;
  bool starved_ = false;
  clock::time_point cut_time_ = clock::time_point::max();
  boost::asio::experimental::concurrent_channel<void(boost::system::error_code)> finished_signal_;
  std::atomic<bool> draining_ = false;

  mutable std::mutex mutex_;
  session_list sessions_;
  std::uint64_t accepted_ = 0;
  traffic ended_; ///< Of connections that are not there any more.
  std::uint64_t refused_ = 0;
  std::atomic<std::uint64_t> given_up_ = 0;
  std::atomic<std::uint64_t> bodies_refused_ = 0;
  std::atomic<std::uint64_t> tls_failed_ = 0;
  bool accepting_ = false;            ///< An accept, a wait for one or its back-off is outstanding.
  std::atomic<bool> crowded_ = false; ///< Not accepting, since max_connections are open and another has come.
  bool down_ = false;                 ///< The acceptor is closed.
  bool finished_ = false;
};

} // namespace hotslot::http::detail
