// One connection: reads requests, runs the handler, writes answers.
#pragma once

#include "access_note.hpp"
#include "forwarding.hpp"
#include "parked_handler.hpp"
#include "request_check.hpp"
#include "response_head.hpp"
#include "server_core.hpp"
#include "transport.hpp"

#include "base/bounded_parser.hpp"

#include <hotslot/http/exchange.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>

#include <atomic>
#include <exception>
#include <memory>
#include <optional>
#include <string_view>

namespace hotslot::http::detail {

/// Runs on the executor of its socket, where everything but `drain`, `cut`, `give_up` and `waiting_since` has
/// to be called.
///
/// A request costs no coroutine spawned, no timer operation and no race. There is one coroutine, one timer
/// that is armed lazily (`deadline_` is what counts; a timer that fires early is armed again), and at most
/// one read under way. While a handler runs, that read is both the watch for the caller's going away and the
/// beginning of the next request, at no cost of its own: the same read would be started after the answer.
class session : public std::enable_shared_from_this<session>, public session_hook {
 public:
  using clock = server_core::clock;
  using tcp = boost::asio::ip::tcp;

  session(std::shared_ptr<server_core> server, transport::socket_type socket, const tcp::endpoint& remote);
  ~session();

  void start();
  void drain();
  void cut();
  /// Ends it if it still waits since then. From any thread.
  void give_up(clock::rep since);
  /// For a request, or for more of its header; 0: it does not. From any thread.
  clock::rep waiting_since() const noexcept { return waiting_since_.load(std::memory_order_relaxed); }

  /// From any thread.
  std::uint64_t received() const noexcept { return received_.load(std::memory_order_relaxed); }
  std::uint64_t sent() const noexcept { return transport_.sent(); }

  const tcp::endpoint& remote_endpoint() const noexcept { return remote_; }
  const request_origin& origin() const noexcept { return origin_; }
  boost::asio::any_io_executor get_executor() { return transport_.get_executor(); }

  // For the handler, by its exchange.
  boost::asio::awaitable<void> begin(const response& head);
  boost::asio::awaitable<void> write_piece(std::string_view piece);
  boost::asio::awaitable<void> read_piece(std::string& piece);
  bool has_unread_body() const noexcept { return parser_ && !parser_->is_done(); }
  std::optional<status> refused() const noexcept {
    return refusal_ ? std::optional(refusal_->result()) : std::nullopt;
  }
  void set_handler_deadline(clock::time_point deadline);
  boost::asio::awaitable<void> wait_until(clock::time_point when);
  bool closing() const noexcept { return closed_ || server_->draining(); }
  void send_buffer_size(int bytes) noexcept { transport_.send_buffer_size(bytes); }

 private:
  static constexpr std::size_t small_read = 4 * 1024;
  static constexpr std::size_t large_read = 64 * 1024;
  static constexpr std::string_view continue_text = "HTTP/1.1 100 Continue\r\n\r\n";

  enum class phase { idle, head, body, handler, write, linger };
  enum class input { complete, refused, ended };
  struct read_completion;

  boost::asio::awaitable<void> run(std::shared_ptr<session> self);
  boost::asio::awaitable<bool> begin_tls();
  boost::asio::awaitable<void> refuse_plain();
  boost::asio::awaitable<bool> serve_one();
  boost::asio::awaitable<input> read_request();
  boost::asio::awaitable<input> read_head();
  boost::asio::awaitable<input> read_body();
  boost::asio::awaitable<void> say_continue();
  boost::asio::awaitable<bool> answer();
  boost::asio::awaitable<response> call_handler(exchange& ex, request& req);
  boost::asio::awaitable<void> refuse();
  boost::asio::awaitable<bool> write(const response& res);
  boost::asio::awaitable<bool> write_end();
  std::optional<bool> write_now(const transport::buffers& all, std::size_t& sent);
  boost::asio::awaitable<bool> write_rest(std::size_t sent, const transport::buffers& all);
  boost::asio::awaitable<void> send(const transport::buffers& all);
  boost::asio::awaitable<void> linger();

  void begin_request();
  void skip_empty_lines();
  boost::system::error_code parse();
  bool exceeds_bound() const;
  void settle_header(request& head);
  void set_header_aside();
  request take_request();
  input refused(response why);
  input input_failed();
  bool may_keep_alive(const response& res) const;
  response failed(const std::exception_ptr& error, const exchange& ex) const;
  void break_off(const std::exception_ptr& error, const exchange& ex);

  boost::asio::awaitable<bool> fill(std::size_t bytes);
  void resume_on_cancel(boost::asio::cancellation_slot slot);
  void start_read(std::size_t bytes);
  void on_read(const boost::system::error_code& ec, std::size_t bytes);

  bool may_be_read_first() const;
  void begin_handler(exchange& ex);
  void end_handler();
  void parse_piece();
  boost::asio::awaitable<void> ask_for_body();
  [[noreturn]] void fail_body();

  bool hold(std::size_t bytes);
  bool hold_for_piece();
  void release() noexcept;

  void enter(phase p, clock::duration timeout);
  void set_deadline(clock::time_point deadline);
  void watch_handler();
  void arm_timer();
  void on_timer();
  void deadline_passed();
  void handler_deadline_passed();
  void abandon();
  void close() noexcept;
  void reset() noexcept;

  const std::shared_ptr<server_core> server_;
  transport transport_;
  const tcp::endpoint remote_;
  boost::asio::steady_timer timer_;
  clock::time_point deadline_ = clock::time_point::max();
  clock::time_point armed_for_ = clock::time_point::max();
  boost::asio::cancellation_signal cancel_handler_;
  exchange* exchange_ = nullptr;
  std::optional<boost::asio::steady_timer> pause_; ///< Of the handler, between pieces.
  clock::time_point handler_by_ =
      clock::time_point::max(); ///< In phase `handler`, the first of the three counts.
  clock::time_point read_by_ = clock::time_point::max();
  clock::time_point write_by_ = clock::time_point::max();
  phase phase_ = phase::idle;
  std::atomic<clock::rep> waiting_since_ = 0;
  std::atomic<std::uint64_t> received_ = 0;
  std::size_t held_ = 0; ///< Of what bodies may take.
  bool first_ = true;
  bool timed_out_ = false;
  bool closed_ = false;

  boost::beast::flat_buffer buffer_;
  bool reading_ = false;
  boost::system::error_code read_error_;
  parked_handler reader_;

  base::chunk_bound chunk_bound_;
  bool seen_last_chunk_ = false; ///< Of the body that is being read.
  std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
  std::optional<request::header_type> header_; ///< Of a request in chunks, while its body is read.
  std::optional<response> refusal_;
  request_origin origin_; ///< Of the request that is being served.
  framing framing_;
  std::optional<std::uint64_t> owed_; ///< Of an answer in pieces whose length was stated.
  std::string head_;
  std::unique_ptr<access_note> note_; ///< Null where nobody wants to be told.
};

} // namespace hotslot::http::detail
