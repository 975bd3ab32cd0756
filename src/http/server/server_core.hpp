// What the connections of one server share: handler, limits, the list of those that are open, the way down.
#pragma once

#include <hotslot/http/server.hpp>

#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/intrusive/list.hpp>

#include <atomic>
#include <mutex>
#include <optional>
#include <vector>

namespace hotslot::http::detail {

class session;

using session_hook =
    boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>>;

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
  std::size_t connections() const;

  void enter(session& s);
  void leave(session& s) noexcept;

 private:
  boost::asio::any_io_executor session_executor() const;
  void accept();
  void on_accept(const boost::system::error_code& ec, tcp::socket socket);
  void accept_later(const boost::system::error_code& ec);
  bool claim_accept();
  void accept_ended();
  void begin_drain();
  void cut_at(clock::time_point when);
  void cut_all();
  std::vector<std::shared_ptr<session>> live_sessions();
  bool finished_now(); ///< With the mutex held; true once.
  void finish();

  const boost::asio::any_io_executor context_executor_;
  const boost::asio::any_io_executor executor_;
  const server_handler handler_;
  const server_options options_;

  tcp::acceptor acceptor_;
  tcp::endpoint peer_;
  boost::asio::steady_timer backoff_;
  boost::asio::steady_timer grace_;
  bool starved_ = false;
  clock::time_point cut_time_ = clock::time_point::max();
  boost::asio::experimental::concurrent_channel<void(boost::system::error_code)> finished_signal_;
  std::atomic<bool> draining_ = false;

  mutable std::mutex mutex_;
  boost::intrusive::list<session, boost::intrusive::base_hook<session_hook>> sessions_;
  bool accepting_ = false;        ///< An accept or its back-off is outstanding.
  bool waiting_for_room_ = false; ///< Not accepting since max_connections are open.
  bool down_ = false;             ///< The acceptor is closed.
  bool finished_ = false;
};

} // namespace hotslot::http::detail
