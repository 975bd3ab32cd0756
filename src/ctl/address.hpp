// Where the admin address of a hotslotd is.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hotslot::ctl {

struct admin_address {
  bool tls = false;
  std::string host; ///< Without brackets.
  std::string port;
  std::string prefix; ///< Before every path: empty, or without a slash at its end.
  std::string socket; ///< The path of a unix socket, in place of host and port; empty: it is none.

  /// For the Host field.
  std::string authority() const;
  std::string url() const;
  /// Whether what is sent there stays on this machine, as far as its name says.
  bool is_loopback() const;
};

inline constexpr std::string_view address_form =
    "http://HOST[:PORT][/PATH], https://HOST[:PORT][/PATH] or unix:PATH";

/// Nothing where `url` has not that form.
std::optional<admin_address> parse_address(std::string_view url);

} // namespace hotslot::ctl
