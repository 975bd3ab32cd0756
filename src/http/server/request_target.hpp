// What a request asks for, and of whom: RFC 9112, 3.2.
#pragma once

#include <boost/beast/http/verb.hpp>

#include <string_view>

namespace hotslot::http::detail {

struct target_parts {
  std::string_view authority; ///< Empty where it has none of its own.
  std::string_view rest;      ///< Path and query.
};

/// Of a target that is a path, or a whole URL of http or https.
target_parts split_target(std::string_view target) noexcept;

/// Whether it is `host[:port]` as in a URL, and not empty; a comma would be two Hosts that somebody has made
/// one.
bool is_host(std::string_view text) noexcept;

/// Whether it has one of the forms that a target may have for that method.
bool is_target(std::string_view target, boost::beast::http::verb method) noexcept;

} // namespace hotslot::http::detail
