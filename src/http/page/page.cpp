#include "page.hpp"

#include "http/content/content.hpp"

#include <algorithm>

namespace hotslot::http {
namespace {

using boost::beast::string_view;

// The page loads nothing from elsewhere, nothing that is written in its HTML runs, and nobody may frame it.
constexpr string_view policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

} // namespace

const page_file* find_page_file(std::string_view route) noexcept {
  const auto files = page_files();
  const auto it = std::find_if(files.begin(), files.end(), [&](const auto& f) { return f.route == route; });
  return it == files.end() ? nullptr : &*it;
}

response serve_page_file(const request& req, const page_file& file) {
  response res = negotiated_response(req, file.content_type, file.etag, file.content);
  res.set(field::cache_control, "no-cache");
  res.set("Content-Security-Policy", policy);
  res.set("Referrer-Policy", "no-referrer");
  res.set("X-Content-Type-Options", "nosniff");
  return res;
}

} // namespace hotslot::http
