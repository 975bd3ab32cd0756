// A connection to a Redis server: hiredis knows the protocol, Asio does the reading and writing. Nothing here
// is of hotslot, and yet it is a slot: movable, with close(), and with wait_gone() to tell of its end.
//
// All use of a connection has to be on one thread, or one strand.
#ifndef EXAMPLES_REDIS_CONNECTION_HPP
#define EXAMPLES_REDIS_CONNECTION_HPP

#include <boost/asio.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <hiredis/hiredis.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

namespace redis {

namespace asio = boost::asio;
using boost::system::error_code;
using protocol = asio::generic::stream_protocol;
using words = std::vector<std::string>;

struct deleter {
  void operator()(redisReply* r) const noexcept { freeReplyObject(r); }
  void operator()(redisReader* r) const noexcept { redisReaderFree(r); }
};
using reply = std::unique_ptr<redisReply, deleter>;

/// A numeric "ADDRESS:PORT", or the path of a socket.
inline protocol::endpoint endpoint_of(const std::string& text) {
  if (text.find('/') != std::string::npos)
    return asio::local::stream_protocol::endpoint(text);
  const auto colon = text.rfind(':');
  if (colon == std::string::npos)
    throw std::invalid_argument("neither ADDRESS:PORT nor a path: " + text);
  const auto port = static_cast<asio::ip::port_type>(std::stoul(text.substr(colon + 1)));
  return asio::ip::tcp::endpoint(asio::ip::make_address(text.substr(0, colon)), port);
}

class connection {
 public:
  static asio::awaitable<connection> open(protocol::endpoint server) {
    auto made = std::make_shared<state>(co_await asio::this_coro::executor);
    co_await made->socket.async_connect(server, asio::use_awaitable);
    co_await greet(made->socket);
    co_return connection(std::move(made));
  }

  /// Sends a command and waits for the reply, which may be an error of the server's. One at a time, and only
  /// while `wait_gone()` runs. Throws `system_error`; the connection is then of no further use.
  asio::awaitable<reply> command(const words& command) {
    const std::string request = format(command);
    state_->asked = true;
    co_await asio::async_write(state_->socket, asio::buffer(request), asio::use_awaitable);
    co_return co_await state_->replies.async_receive(asio::use_awaitable);
  }

  /// Reads whatever arrives, all the connection's life, so that its end is noticed at once, idle or not.
  asio::awaitable<void> wait_gone() const { return read(state_); }

  void close() noexcept {
    error_code ignored;
    state_->socket.close(ignored);
  }

 private:
  struct state {
    explicit state(const asio::any_io_executor& ex)
      : socket(ex)
      , replies(ex, 1) {}

    protocol::socket socket;
    std::unique_ptr<redisReader, deleter> reader{redisReaderCreate()};
    asio::experimental::channel<void(error_code, reply)> replies;
    bool asked = false;
  };

  explicit connection(std::shared_ptr<state> s) noexcept
    : state_(std::move(s)) {}

  // A server that is loading, full, or wants a password accepts connections all the same.
  static asio::awaitable<void> greet(protocol::socket& socket) {
    co_await asio::async_write(socket, asio::buffer("PING\r\n", 6), asio::use_awaitable);
    std::string answer;
    co_await asio::async_read_until(socket, asio::dynamic_buffer(answer), "\r\n", asio::use_awaitable);
    if (answer != "+PONG\r\n")
      throw std::runtime_error(answer.substr(0, answer.find('\r')));
  }

  static std::string format(const words& command) {
    std::vector<const char*> data;
    std::vector<std::size_t> sizes;
    for (const std::string& word : command) {
      data.push_back(word.data());
      sizes.push_back(word.size());
    }
    char* text = nullptr;
    const int size = redisFormatCommandArgv(&text, static_cast<int>(data.size()), data.data(), sizes.data());
    if (size < 0)
      throw std::bad_alloc();
    const std::unique_ptr<char, decltype(&redisFreeCommand)> owner(text, &redisFreeCommand);
    return std::string(text, static_cast<std::size_t>(size));
  }

  static asio::awaitable<void> read(std::shared_ptr<state> self) {
    std::array<char, 4096> data;
    for (bool sound = true; sound;) {
      auto [ec, n] =
          co_await self->socket.async_read_some(asio::buffer(data), asio::as_tuple(asio::use_awaitable));
      sound = !ec && take(*self, data.data(), n);
    }
    self->replies.close(); // ends the command that waits, if one does
  }

  /// Passes the replies in these bytes on. False where they are none, or nobody has asked.
  static bool take(state& self, const char* data, std::size_t n) {
    redisReaderFeed(self.reader.get(), data, n);
    for (;;) {
      void* next = nullptr;
      if (redisReaderGetReply(self.reader.get(), &next) != REDIS_OK)
        return false;
      if (!next)
        return true;
      reply whole(static_cast<redisReply*>(next));
      if (!std::exchange(self.asked, false))
        return false;
      self.replies.try_send(error_code(), std::move(whole));
    }
  }

  std::shared_ptr<state> state_;
};

} // namespace redis

#endif
