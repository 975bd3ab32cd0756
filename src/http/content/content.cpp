#include "content.hpp"

#include "gzip.hpp"
#include "negotiation.hpp"

#include <boost/algorithm/hex.hpp>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <new>

namespace hotslot::http {
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
