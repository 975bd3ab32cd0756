// URLs (RFC 3986), as far as addresses of servers and targets of requests take them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hotslot::base {

/// What a form makes of a space.
enum class plus_sign { itself, space };

/// With the byte in place of each `%NN`; nothing where two digits do not follow a `%`.
std::optional<std::string> percent_decoded(std::string_view text, plus_sign plus = plus_sign::itself);

/// `%NN` for whatever is not unreserved.
std::string percent_encoded(std::string_view text);

/// Whether it is a query, without its question mark. Brackets are let pass, as everybody does.
bool is_query(std::string_view text) noexcept;

struct url_authority {
  std::optional<std::string_view> userinfo;
  std::string_view host;                ///< As it is written; of an address in brackets what is between them.
  std::optional<std::string_view> port; ///< Digits, or empty.
};

std::optional<url_authority> parse_authority(std::string_view text) noexcept;

/// Parts of the text that was parsed, as they are written there.
struct url {
  std::string_view scheme;
  std::optional<url_authority> authority;
  std::string_view path;
  std::optional<std::string_view> query;
  std::optional<std::string_view> fragment;

  /// With neither a user, a query nor a fragment.
  bool is_plain() const noexcept { return !(authority && authority->userinfo) && !query && !fragment; }

  /// Decoded; empty where there is none.
  std::string host() const;
  std::string_view port() const noexcept { return authority && authority->port ? *authority->port : ""; }
};

/// An absolute one: with a scheme.
std::optional<url> parse_url(std::string_view text) noexcept;

} // namespace hotslot::base
