// A caller that writes raw bytes to a loopback socket and reads answers; whatever takes 20 s fails.
#ifndef HOTSLOT_TEST_HTTP_SERVER_CLIENT_HPP
#define HOTSLOT_TEST_HTTP_SERVER_CLIENT_HPP

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/json.hpp>

#include <sys/socket.h>
#include <sys/time.h>

#include <string>
#include <string_view>

namespace hotslot::test {

class client {
 public:
  using response = boost::beast::http::response<boost::beast::http::string_body>;
  using tcp = boost::asio::ip::tcp;

  explicit client(const tcp::endpoint& server, int receive_buffer = 0)
    : socket_(context_) {
    socket_.open(server.protocol());
    if (receive_buffer > 0)
      socket_.set_option(boost::asio::socket_base::receive_buffer_size(receive_buffer));
    socket_.connect(server);
    const timeval patience{20, 0};
    setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }

  void send(std::string_view bytes) { boost::asio::write(socket_, boost::asio::buffer(bytes)); }

  void get(std::string_view target) { send("GET " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n\r\n"); }

  response read(bool to_head = false) {
    boost::beast::http::response_parser<boost::beast::http::string_body> parser;
    parser.body_limit(boost::none);
    parser.skip(to_head);
    boost::beast::http::read(socket_, buffer_, parser);
    return parser.release();
  }

  response call(std::string_view bytes) {
    send(bytes);
    return read();
  }

  /// What comes until the server closes; empty on a clean end. The last error is left in `ec`.
  std::string rest(boost::system::error_code& ec) {
    std::string text(static_cast<const char*>(buffer_.data().data()), buffer_.size());
    buffer_.consume(buffer_.size());
    boost::asio::read(socket_, boost::asio::dynamic_buffer(text), ec);
    return text;
  }

  /// Whether the server ended the connection cleanly, without anything more.
  bool closed() {
    boost::system::error_code ec;
    return rest(ec).empty() && ec == boost::asio::error::eof;
  }

  void shutdown() { socket_.shutdown(tcp::socket::shutdown_send); }
  void close() { socket_.close(); }
  void reset() {
    socket_.set_option(boost::asio::socket_base::linger(true, 0));
    socket_.close();
  }
  tcp::socket& socket() { return socket_; }

 private:
  boost::asio::io_context context_;
  tcp::socket socket_;
  boost::beast::flat_buffer buffer_;
};

inline std::string message_of(const client::response& error) {
  return boost::json::value_to<std::string>(boost::json::parse(error.body()).at("message"));
}

} // namespace hotslot::test

#endif
