// What was answered to a request, for a log.
#ifndef HOTSLOT_HTTP_ACCESS_RECORD_HPP
#define HOTSLOT_HTTP_ACCESS_RECORD_HPP

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/http/fields.hpp>

#include <chrono>
#include <cstdint>
#include <string_view>

namespace hotslot::http {

/// One request, answered or broken off. Lives, with all that it refers to, for the call that it is passed to.
struct access_record {
  const boost::asio::ip::tcp::endpoint& peer; ///< Unspecified, with port 0, where it came by a unix socket.
  const boost::asio::ip::address& client;     ///< Who asked: `peer`, or whom a trusted proxy has named.
  /// Of the request line, as the caller sent it; where that is no HTTP, the texts are empty and the version
  /// 0.
  std::string_view method;
  std::string_view target;
  unsigned version;                               ///< 10, 11.
  std::chrono::system_clock::time_point received; ///< When its first byte was seen.
  std::chrono::nanoseconds duration;              ///< From then until the kernel had the whole answer.
  unsigned status;                                ///< 0 where nothing was answered.
  /// Of the answer, as the handler gave them, also where that could not be sent any more.
  const boost::beast::http::fields& fields;
  std::uint64_t body_bytes; ///< Of the answer's body, without its framing, that the kernel took.
  bool complete;            ///< False where the caller had gone, or was cut off, before the answer's end.
};

} // namespace hotslot::http

#endif
