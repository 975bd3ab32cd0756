// What a reader of a compressed stream sees of it.
#pragma once

#include "catch.hpp"

#include <zlib.h>

#include <string>
#include <string_view>

namespace hotslot::test {

/// Reads a stream as it comes.
class gunzip {
 public:
  gunzip() { REQUIRE(inflateInit2(&z_, 15 + 16) == Z_OK); }
  ~gunzip() { inflateEnd(&z_); }
  gunzip(const gunzip&) = delete;
  gunzip& operator=(const gunzip&) = delete;

  /// What can be read by now.
  std::string add(std::string_view packed) {
    std::string out, room(64 * 1024, '\0');
    z_.next_in = reinterpret_cast<z_const Bytef*>(const_cast<char*>(packed.data()));
    z_.avail_in = static_cast<uInt>(packed.size());
    do {
      z_.next_out = reinterpret_cast<Bytef*>(room.data());
      z_.avail_out = static_cast<uInt>(room.size());
      result_ = inflate(&z_, Z_SYNC_FLUSH);
      out.append(room, 0, room.size() - z_.avail_out);
    } while (result_ == Z_OK && (z_.avail_in != 0 || z_.avail_out == 0));
    return out;
  }

  /// Whether it came to its end, with the sum and the size that it says.
  bool ended() const noexcept { return result_ == Z_STREAM_END; }

 private:
  z_stream z_{};
  int result_ = Z_OK;
};

} // namespace hotslot::test
