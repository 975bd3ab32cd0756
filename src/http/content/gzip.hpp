// Compression as HTTP has it: of a text, and of a stream that many read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hotslot::http {

/// RFC 1952, at zlib's fastest level, as the pieces are.
std::string gzip(std::string_view text);

/// Compressed text that may stand anywhere in a stream: it refers to nothing before it, and can be read
/// as soon as it is there. So it is made once for all streams, and none has to remember what it has sent.
struct gzip_piece {
  explicit gzip_piece(std::string_view text);

  std::string bytes;
  std::uint64_t size; ///< Of the text.
  std::uint32_t sum;  ///< Its CRC-32.
};

/// What one stream has before its pieces, and behind them.
class gzip_stream {
 public:
  static std::string_view head() noexcept;
  void add(const gzip_piece& piece) noexcept;
  /// Without it a reader takes the stream for one that was cut.
  std::string tail() const;

 private:
  std::uint64_t size_ = 0;
  std::uint32_t sum_ = 0;
};

} // namespace hotslot::http
