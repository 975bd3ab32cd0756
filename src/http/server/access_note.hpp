// What is kept of a request until it can be told what was answered to it.
#pragma once

#include <hotslot/http/access_record.hpp>
#include <hotslot/http/message.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace hotslot::http::detail {

/// Of one connection, for one request after another: `begin` opens each, one of the `tell`s closes it.
class access_note {
 public:
  using tcp = boost::asio::ip::tcp;
  using listener = std::function<void(const access_record&)>;

  /// Both outlive it.
  access_note(const listener& listener, const tcp::endpoint& peer) noexcept
    : listener_(listener)
    , peer_(peer) {}

  void begin();
  bool has_request() const noexcept { return version_ != 0; }
  void set_request(const request::header_type& head);
  void set_client(const boost::asio::ip::address& client) { client_ = client; }

  /// An answer in pieces, from its head on.
  void begin_answer(const response& head);
  void add_piece(std::size_t bytes) noexcept { body_bytes_ += bytes; }

  void tell(const response& whole, std::uint64_t body_bytes, bool complete);
  /// An answer that nobody was there to read.
  void tell_unsent(const response& whole) { tell(0, whole, 0, false); }
  /// What there is of an answer in pieces, or that there is none.
  void tell(bool complete);

 private:
  void tell(unsigned status, const boost::beast::http::fields& fields, std::uint64_t body_bytes,
            bool complete);

  const listener& listener_;
  const tcp::endpoint& peer_;
  std::chrono::system_clock::time_point received_;
  std::chrono::steady_clock::time_point began_;
  boost::asio::ip::address client_;
  std::string method_;
  std::string target_;
  unsigned version_ = 0;
  unsigned status_ = 0;
  boost::beast::http::fields fields_;
  std::uint64_t body_bytes_ = 0;
};

} // namespace hotslot::http::detail
