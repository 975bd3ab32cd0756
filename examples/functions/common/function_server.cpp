#include "function_server.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <string_view>

namespace function_server {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
namespace fs = std::filesystem;
using stream_protocol = asio::local::stream_protocol;

fs::path socket_path() {
  constexpr std::string_view scheme = "unix:";
  const char* const listener = std::getenv("FN_LISTENER");
  if (!listener || !std::string_view(listener).starts_with(scheme))
    throw std::runtime_error("FN_LISTENER names no unix socket");
  return listener + scheme.size();
}

// On a side name first: the symlink appears when all is ready.
stream_protocol::acceptor listen(asio::io_context& io) {
  const fs::path path = socket_path();
  const fs::path side = path.parent_path() / "phonylsnr.sock";
  stream_protocol::acceptor acceptor(io, stream_protocol::endpoint(side.string()));
  if (::chmod(side.c_str(), 0666) != 0)
    throw std::runtime_error("cannot open the socket to others");
  fs::create_symlink(side.filename(), path);
  return acceptor;
}

void serve_connection(stream_protocol::socket socket, const handler& handle) {
  boost::beast::flat_buffer buffer;
  for (;;) {
    http::request_parser<http::string_body> parser;
    parser.body_limit(boost::none);
    boost::system::error_code ec;
    http::read(socket, buffer, parser, ec);
    if (ec)
      return;
    response reply = handle(parser.get());
    reply.prepare_payload();
    http::write(socket, reply, ec);
    if (ec)
      return;
  }
}

} // namespace

response echo(const request& r) {
  response reply(http::status::ok, 11);
  if (const auto type = r.find(http::field::content_type); type != r.end())
    reply.set(http::field::content_type, type->value());
  reply.set("Fn-Http-H-X-Pid", std::to_string(::getpid()));
  reply.body() = r.body();
  return reply;
}

int serve(const handler& handle) {
  try {
    asio::io_context io;
    auto acceptor = listen(io);
    for (;;)
      serve_connection(acceptor.accept(), handle);
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}

} // namespace function_server
