// The live page: its files, which the library holds, and the answers to requests for them.
#pragma once

#include <hotslot/http/message.hpp>

#include <span>
#include <string_view>

namespace hotslot::http {

struct page_file {
  std::string_view route; ///< Below the prefix: "/" or "/page.css".
  std::string_view content_type;
  std::string_view etag;
  std::string_view content;
};

/// Written by page/embed.py.
std::span<const page_file> page_files() noexcept;

/// The file of that route; null where there is none.
const page_file* find_page_file(std::string_view route) noexcept;

/// Answers GET, or HEAD with an empty body.
response serve_page_file(const request& req, const page_file& file);

} // namespace hotslot::http
