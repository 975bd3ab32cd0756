// One connection: reads requests, runs the handler, writes answers.
#ifndef HOTSLOT_SRC_HTTP_SESSION_HPP
#define HOTSLOT_SRC_HTTP_SESSION_HPP

#include "parked_handler.hpp"
#include "request_check.hpp"
#include "response_head.hpp"
#include "server_core.hpp"

#include <hotslot/http/exchange.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>

#include <exception>
#include <optional>

namespace hotslot::http::detail {

/// Runs on the executor of its socket, where everything but `drain` and `cut` has to be called.
///
/// A request costs no coroutine spawned, no timer operation and no race. There is one coroutine, one timer
/// that is armed lazily (`deadline_` is what counts; a timer that fires early is armed again), and at most
/// one read under way. While a handler runs, that read is both the watch for the caller's going away and the
/// beginning of the next request, at no cost of its own: the same read would be started after the answer.
class session : public std::enable_shared_from_this<session>, public session_hook {
 public:
  using clock = server_core::clock;
  using tcp = boost::asio::ip::tcp;

  session(std::shared_ptr<server_core> server, tcp::socket socket, const tcp::endpoint& remote);
  ~session();

  void start();
  void drain();
  void cut();

  const tcp::endpoint& remote_endpoint() const noexcept { return remote_; }
  boost::asio::any_io_executor get_executor() { return socket_.get_executor(); }
  void set_deadline(clock::time_point deadline);

 private:
  enum class phase { idle, head, body, handler, write, linger };
  enum class input { complete, refused, ended };
  struct read_completion;

  boost::asio::awaitable<void> run(std::shared_ptr<session> self);
  boost::asio::awaitable<bool> serve_one();
  boost::asio::awaitable<input> read_request();
  boost::asio::awaitable<input> read_head();
  boost::asio::awaitable<input> read_body();
  boost::asio::awaitable<void> say_continue();
  boost::asio::awaitable<bool> answer();
  boost::asio::awaitable<response> call_handler(exchange& ex, request& req);
  boost::asio::awaitable<void> refuse();
  boost::asio::awaitable<bool> write(const response& res, const framing& f);
  boost::asio::awaitable<bool> write_rest(std::size_t sent, const response& res, bool body);
  boost::asio::awaitable<void> linger();

  void begin_request();
  void skip_empty_lines();
  boost::system::error_code parse();
  input refused(refusal why);
  input input_failed();
  response failed(const std::exception_ptr& error, const exchange& ex) const;

  boost::asio::awaitable<bool> fill(std::size_t bytes);
  void start_read(std::size_t bytes);
  void on_read(const boost::system::error_code& ec, std::size_t bytes);

  void enter(phase p, clock::duration timeout);
  void arm_timer();
  void on_timer();
  void deadline_passed();
  void abandon();
  void close() noexcept;
  void reset() noexcept;

  const std::shared_ptr<server_core> server_;
  tcp::socket socket_;
  const tcp::endpoint remote_;
  boost::asio::steady_timer timer_;
  clock::time_point deadline_ = clock::time_point::max();
  clock::time_point armed_for_ = clock::time_point::max();
  boost::asio::cancellation_signal cancel_handler_;
  exchange* exchange_ = nullptr;
  phase phase_ = phase::idle;
  bool first_ = true;
  bool timed_out_ = false;
  bool closed_ = false;

  boost::beast::flat_buffer buffer_;
  bool reading_ = false;
  boost::system::error_code read_error_;
  parked_handler reader_;

  std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
  std::optional<refusal> refusal_;
  std::string head_;
};

} // namespace hotslot::http::detail

#endif
