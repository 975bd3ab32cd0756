// The kept connection to a function's socket, and the exchange of one request for one reply.
#ifndef HOTSLOT_PROCESS_CONNECTION_HPP
#define HOTSLOT_PROCESS_CONNECTION_HPP

#include <hotslot/process/contract.hpp>
#include <hotslot/process/errc.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>

#include <cstdint>
#include <filesystem>
#include <mutex>

namespace hotslot::process::detail {

struct reply_limits {
  std::uint32_t header;
  std::uint64_t body;
};

/// Used by one coroutine at a time; only `abort()` may come from another thread meanwhile.
class connection {
 public:
  connection(const boost::asio::any_io_executor& ex, reply_limits limits)
    : socket_(ex)
    , limits_(limits) {}

  /// Where `open()` connects to.
  void set_path(const std::filesystem::path& path) { path_ = path; }

  /// Connects, anew where it was connected before.
  boost::asio::awaitable<error_code> open();

  /// Sends the request, on a new connection where the kept one is found closed, and returns the reply.
  /// Throws `system_error`.
  boost::asio::awaitable<call_reply> exchange(call_request request);

  /// Whether the last exchange left nothing behind that the next one could read.
  bool clean() const noexcept { return clean_; }

  void close() noexcept;

  /// Ends what is going on, and refuses what comes later: the process is gone. A descendant of it that left
  /// its group may still hold the other end.
  void abort() noexcept;

 private:
  using reply_parser = boost::beast::http::response_parser<boost::beast::http::string_body>;

  bool is_idle_and_open() noexcept;
  error_code open_socket();
  boost::asio::awaitable<void> reopen();
  boost::asio::awaitable<void> send(const call_request& request);
  boost::asio::awaitable<call_reply> receive();
  boost::asio::awaitable<error_code> read_more(std::size_t bytes);
  error_code parse(reply_parser& parser);
  error_code end(reply_parser& parser);

  boost::asio::local::stream_protocol::socket socket_;
  boost::beast::flat_buffer buffer_;
  std::filesystem::path path_;
  reply_limits limits_;
  bool clean_ = true;
  std::mutex mutex_; // for the life of the descriptor: abort() must not meet another one under its number
  bool aborted_ = false;
};

} // namespace hotslot::process::detail

#endif
