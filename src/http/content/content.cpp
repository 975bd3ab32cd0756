#include "content.hpp"

#include "negotiation.hpp"

#include <boost/algorithm/hex.hpp>
#include <openssl/evp.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <new>

namespace hotslot::http {
namespace {

class deflater {
 public:
  deflater() {
    constexpr int gzip_window = 15 + 16;
    constexpr int memory_level = 8;
    if (deflateInit2(&stream_, Z_BEST_SPEED, Z_DEFLATED, gzip_window, memory_level, Z_DEFAULT_STRATEGY) !=
        Z_OK)
      throw std::bad_alloc();
  }
  ~deflater() { deflateEnd(&stream_); }
  deflater(const deflater&) = delete;
  deflater& operator=(const deflater&) = delete;

  /// zlib counts in 32 bits, so longer texts go in pieces.
  std::string run(std::string_view text) {
    constexpr std::size_t piece = 64 * 1024;
    std::array<Bytef, piece> room;
    std::string out;
    int result = Z_OK;
    while (result != Z_STREAM_END) {
      if (stream_.avail_in == 0) {
        const std::size_t n = std::min(text.size(), piece);
        stream_.next_in = reinterpret_cast<z_const Bytef*>(const_cast<char*>(text.data()));
        stream_.avail_in = static_cast<uInt>(n);
        text.remove_prefix(n);
      }
      stream_.next_out = room.data();
      stream_.avail_out = piece;
      result = deflate(&stream_, text.empty() ? Z_FINISH : Z_NO_FLUSH);
      out.append(reinterpret_cast<const char*>(room.data()), piece - stream_.avail_out);
    }
    return out;
  }

 private:
  z_stream stream_{};
};

} // namespace

std::string make_etag(std::string_view body) {
  constexpr std::size_t kept = 16;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  if (EVP_Digest(body.data(), body.size(), digest.data(), nullptr, EVP_sha256(), nullptr) != 1)
    throw std::bad_alloc();
  std::string tag = "W/\"";
  boost::algorithm::hex_lower(digest.begin(), digest.begin() + kept, std::back_inserter(tag));
  tag += '"';
  return tag;
}

std::string gzip(std::string_view text) { return deflater().run(text); }

void negotiate_content(const request& req, response& res) {
  const std::string etag = make_etag(res.body());
  res.set(field::etag, etag);
  if (!matches_etag(req[field::if_none_match], etag))
    return compress_content(req, res);
  res.result(status::not_modified);
  res.body().clear();
  res.erase(field::content_length);
  res.erase(field::content_type);
  res.set(field::vary, "Accept-Encoding");
}

response negotiated_response(const request& req, std::string_view content_type, std::string_view etag,
                             std::string_view content) {
  response res(status::ok, 11);
  res.set(field::etag, etag);
  res.set(field::vary, "Accept-Encoding");
  if (matches_etag(req[field::if_none_match], etag)) {
    res.result(status::not_modified);
    return res;
  }
  res.set(field::content_type, content_type);
  if (accepts_gzip(req[field::accept_encoding])) {
    res.set(field::content_encoding, "gzip");
    res.body() = gzip(content);
    res.content_length(res.body().size());
  } else {
    res.content_length(content.size());
    if (req.method() != verb::head)
      res.body() = content;
  }
  return res;
}

void compress_content(const request& req, response& res) {
  const auto varies = res[field::vary];
  res.set(field::vary, varies.empty() ? "Accept-Encoding" : std::string(varies) + ", Accept-Encoding");
  if (!accepts_gzip(req[field::accept_encoding]))
    return;
  res.body() = gzip(res.body());
  res.content_length(res.body().size());
  res.set(field::content_encoding, "gzip");
}

} // namespace hotslot::http
