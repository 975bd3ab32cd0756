// The kept connection to a function's socket, and the exchange of one request for one reply.
#pragma once

#include "base/bounded_parser.hpp"

#include <hotslot/process/contract.hpp>
#include <hotslot/process/errc.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace hotslot::process::detail {

struct reply_limits {
  std::uint32_t header;
  std::uint64_t body;
};

/// How a connection could be opened.
struct opening {
  error_code code = {}; ///< `no_such_file_or_directory`: there is no socket yet. `connection_refused`: nobody
                        ///< listens at it yet.
  std::string detail = {}; ///< What went wrong otherwise, and where.
};

/// Used by one coroutine at a time; only `abort()` may come from another thread meanwhile.
class connection {
 public:
  connection(const boost::asio::any_io_executor& ex, reply_limits limits)
    : socket_(ex)
    , limits_(limits) {}

  /// Where the function's socket is. A function may put another one in its place, so it is looked for, and
  /// looked at, whenever it is connected to.
  void set_directory(const std::filesystem::path& directory) { directory_ = directory; }

  /// From now on a socket that another user listens at is refused: a function that owns its directory can
  /// make its socket's name lead anywhere.
  void accept_only(uid_t user) { user_ = user; }

  /// Connects, anew where it was connected before.
  boost::asio::awaitable<opening> open();

  /// Sends the request, on a new connection where the kept one is found closed, and returns the reply.
  /// Throws `system_error`.
  boost::asio::awaitable<call_reply> exchange(call_request request);

  /// -1 where it is closed.
  int native_handle() noexcept { return socket_.is_open() ? socket_.native_handle() : -1; }
  /// For an exchange that begins at once: whether something can be read before it, which it need not find out
  /// again.
  void set_seen(bool readable) noexcept { seen_readable_ = readable; }

  /// The parts of `exchange`. `begin` sends what the function takes at once; `send_rest` what has_unsent(). A
  /// request of which there is more goes on then by `send_piece`. `receive` may be under way
  /// from the end of `begin` on, and returns the reply as soon as its header is there, with what has come of
  /// its body, unless the length of that is stated and no more than `whole`.
  boost::asio::awaitable<void> begin(call_request request);
  bool has_unsent() const noexcept { return sent_ < request_.head.size() + request_.body.size(); }
  /// What the last exchange has failed with, where all of it is at hand and no byte of a reply has come.
  std::optional<unanswered_call> take_back() noexcept;
  boost::asio::awaitable<void> send_rest();
  boost::asio::awaitable<void> send_piece(std::string_view piece, bool last);
  boost::asio::awaitable<call_reply> receive(std::uint64_t whole);

  /// Whether more of the body is to come.
  bool has_more() const noexcept { return reply_.has_value(); }

  /// Puts the next piece of the body into `piece`, empty only at its end. Precondition: has_more().
  boost::asio::awaitable<void> read(std::string& piece);

  /// Whether the last exchange left nothing behind that the next one could read.
  bool clean() const noexcept { return clean_; }

  /// How many requests were begun.
  std::uint64_t calls() const noexcept { return calls_; }

  /// After a whole reply: what of the request was not sent yet never will be, and the next one goes over a
  /// new connection.
  void stop_sending() noexcept;

  /// Ends an exchange whose steps were cut off, by nobody's fault at the other end: reads the reply and drops
  /// it. Of a request that was not sent whole, the function is told, by the end of what it is sent. Returns
  /// the reply's status. Throws as `receive` does, and `reply_too_large` beyond `most` bytes of body.
  boost::asio::awaitable<unsigned> end_unheard(std::uint64_t most);

  void close() noexcept;

  /// Ends what is going on, and refuses what comes later: the process is gone. A descendant of it that left
  /// its group may still hold the other end.
  void abort() noexcept;

 private:
  using parts = std::array<boost::asio::const_buffer, 3>;
  using reply_parser = boost::beast::http::response_parser<boost::beast::http::string_body>;

  bool is_idle_and_open() noexcept;
  error_code open_socket();
  error_code check_peer();
  boost::asio::awaitable<void> reopen();
  boost::asio::awaitable<void> send_first();
  void forget_sent() noexcept;
  void forget_request() noexcept;
  boost::asio::awaitable<void> receive_header();
  error_code begin_body();
  boost::asio::awaitable<void> receive_body(std::uint64_t limit);
  boost::asio::awaitable<error_code> receive_some();
  bool mend_status_line();
  void expect_reply();
  error_code parse();
  bool exceeds_bound() const;
  error_code end();
  call_reply take_reply();
  call_reply give_up();
  void leave() noexcept;
  boost::asio::awaitable<void> drop_reply(std::uint64_t most);
  void finish(bool keep_alive) noexcept;
  void set_clean() noexcept { clean_ = !sending_ && !reply_ && buffer_.size() == 0; }

  boost::asio::local::stream_protocol::socket socket_;
  boost::beast::flat_buffer buffer_;
  std::filesystem::path directory_;
  reply_limits limits_;
  std::optional<uid_t> user_; ///< Who listens.
  bool clean_ = true;
  std::uint64_t calls_ = 0;
  std::optional<bool> seen_readable_;
  call_request request_;
  std::size_t head_size_ = 0; ///< Of it, as it was given.
  std::size_t sent_ = 0;      ///< Of it.
  bool sending_ = false;      ///< The request is not at its end.
  bool replied_ = false;      ///< By a byte at least.
  bool replied_whole_ = false;
  unsigned status_ = 200; ///< Of the reply, once its header was read.
  base::chunk_bound chunk_bound_;
  std::optional<reply_parser> reply_;             ///< The one that is being received.
  std::optional<call_reply::header_type> header_; ///< Its header, where a trailer may follow.
  std::mutex mutex_; // for the life of the descriptor: abort() must not meet another one under its number
  bool aborted_ = false;
};

} // namespace hotslot::process::detail
