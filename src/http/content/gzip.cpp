#include "gzip.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <new>

namespace hotslot::http {
namespace {

constexpr int window = 15;
constexpr int with_gzip_header = 16;
constexpr std::size_t room = 64 * 1024;

class deflater {
 public:
  /// `window_bits` also says which header there is: below zero none.
  explicit deflater(int window_bits) {
    constexpr int memory_level = 8;
    if (deflateInit2(&stream_, Z_BEST_SPEED, Z_DEFLATED, window_bits, memory_level, Z_DEFAULT_STRATEGY) !=
        Z_OK)
      throw std::bad_alloc();
  }
  ~deflater() { deflateEnd(&stream_); }
  deflater(const deflater&) = delete;
  deflater& operator=(const deflater&) = delete;

  /// `end` is what zlib is to do behind the last of it. zlib counts in 32 bits, so longer texts go in pieces.
  std::string run(std::string_view text, int end) {
    std::array<Bytef, room> to;
    std::string out;
    do {
      if (stream_.avail_in == 0) {
        const std::size_t n = std::min(text.size(), room);
        stream_.next_in = reinterpret_cast<z_const Bytef*>(const_cast<char*>(text.data()));
        stream_.avail_in = static_cast<uInt>(n);
        text.remove_prefix(n);
      }
      stream_.next_out = to.data();
      stream_.avail_out = room;
      deflate(&stream_, text.empty() ? end : Z_NO_FLUSH);
      out.append(reinterpret_cast<const char*>(to.data()), room - stream_.avail_out);
    } while (!text.empty() || stream_.avail_in != 0 || stream_.avail_out == 0);
    return out;
  }

 private:
  z_stream stream_{};
};

std::uint32_t sum_of(std::string_view text) {
  return static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(text.data()), text.size()));
}

void append_little_endian(std::string& to, std::uint32_t n) {
  for (int i = 0; i < 4; ++i, n >>= 8)
    to.push_back(static_cast<char>(n & 0xff));
}

} // namespace

std::string gzip(std::string_view text) { return deflater(window + with_gzip_header).run(text, Z_FINISH); }

gzip_piece::gzip_piece(std::string_view text)
  : bytes(deflater(-window).run(text, Z_SYNC_FLUSH))
  , size(text.size())
  , sum(sum_of(text)) {}

std::string_view gzip_stream::head() noexcept {
  return {"\x1f\x8b\x08\0\0\0\0\0\0\xff", 10}; // deflate, no name, no time, no system
}

void gzip_stream::add(const gzip_piece& piece) noexcept {
  sum_ = static_cast<std::uint32_t>(crc32_combine(sum_, piece.sum, static_cast<z_off_t>(piece.size)));
  size_ += piece.size;
}

std::string gzip_stream::tail() const {
  std::string text("\x03\0", 2); // a last block, with nothing in it
  append_little_endian(text, sum_);
  append_little_endian(text, static_cast<std::uint32_t>(size_));
  return text;
}

} // namespace hotslot::http
