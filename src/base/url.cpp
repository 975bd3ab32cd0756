#include "url.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

namespace hotslot::base {
namespace {

constexpr std::string_view sub_delimiters = "!$&'()*+,;=";

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_unreserved(char c) {
  return is_letter(c) || is_digit(c) || std::string_view("-._~").find(c) != std::string_view::npos;
}

constexpr int hex_value(char c) {
  if (is_digit(c))
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// The byte of the "%NN" that `text` begins with, or -1.
int escaped_byte(std::string_view text) {
  if (text.size() < 3 || hex_value(text[1]) < 0 || hex_value(text[2]) < 0)
    return -1;
  return hex_value(text[1]) * 16 + hex_value(text[2]);
}

// Of characters that are unreserved, of `others`, or escaped.
bool consists_of(std::string_view text, std::string_view others) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && escaped_byte(text.substr(i)) >= 0)
      i += 2;
    else if (!is_unreserved(text[i]) && others.find(text[i]) == others.npos)
      return false;
  }
  return true;
}

bool is_ipv6(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if (text.size() >= terminated.size() || text.find('\0') != text.npos)
    return false;
  std::copy(text.begin(), text.end(), terminated.begin());
  in6_addr address;
  return inet_pton(AF_INET6, terminated.data(), &address) == 1;
}

// An address of a kind to come.
bool is_ip_future(std::string_view text) {
  const auto dot = text.find('.');
  if (dot == text.npos || dot < 2 || dot + 1 == text.size() || (text[0] != 'v' && text[0] != 'V') ||
      text.find('%') != text.npos)
    return false;
  const auto version = text.substr(1, dot - 1);
  return std::all_of(version.begin(), version.end(), [](char c) { return hex_value(c) >= 0; }) &&
         consists_of(text.substr(dot + 1), "!$&'()*+,;=:");
}

// Takes it from the front of `text`.
std::optional<std::string_view> take_host(std::string_view& text) {
  if (!text.starts_with('[')) {
    const auto host = text.substr(0, text.find(':'));
    text.remove_prefix(host.size());
    return consists_of(host, sub_delimiters) ? std::optional(host) : std::nullopt;
  }
  const auto end = text.find(']');
  if (end == text.npos)
    return std::nullopt;
  const auto host = text.substr(1, end - 1);
  text.remove_prefix(end + 1);
  return is_ipv6(host) || is_ip_future(host) ? std::optional(host) : std::nullopt;
}

bool is_scheme(std::string_view text) {
  return !text.empty() && is_letter(text[0]) && std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
  });
}

// Takes what is behind the first `mark` from the end of `text`, and the mark.
std::optional<std::string_view> take_behind(std::string_view& text, char mark) {
  const auto at = text.find(mark);
  if (at == text.npos)
    return std::nullopt;
  const auto behind = text.substr(at + 1);
  text = text.substr(0, at);
  return behind;
}

} // namespace

std::optional<std::string> percent_decoded(std::string_view text, plus_sign plus) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i] == '+' && plus == plus_sign::space ? ' ' : text[i];
      continue;
    }
    const int byte = escaped_byte(text.substr(i));
    if (byte < 0)
      return std::nullopt;
    decoded += static_cast<char>(byte);
    i += 2;
  }
  return decoded;
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    if (is_unreserved(c)) {
      encoded += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    encoded.append({'%', digits[byte / 16], digits[byte % 16]});
  }
  return encoded;
}

bool is_query(std::string_view text) noexcept { return consists_of(text, "!$&'()*+,;=:@/?[]"); }

std::optional<url_authority> parse_authority(std::string_view text) noexcept {
  url_authority found;
  if (const auto at = text.find('@'); at != text.npos) {
    found.userinfo = text.substr(0, at);
    text.remove_prefix(at + 1);
    if (!consists_of(*found.userinfo, "!$&'()*+,;=:"))
      return std::nullopt;
  }
  const auto host = take_host(text);
  if (!host)
    return std::nullopt;
  found.host = *host;
  if (text.empty())
    return found;
  found.port = text.substr(1);
  return text[0] == ':' && std::all_of(found.port->begin(), found.port->end(), is_digit)
             ? std::optional(found)
             : std::nullopt;
}

std::string url::host() const {
  return authority ? percent_decoded(authority->host).value_or("") : std::string();
}

std::optional<url> parse_url(std::string_view text) noexcept {
  url found;
  found.fragment = take_behind(text, '#');
  found.query = take_behind(text, '?');
  const auto colon = text.find(':');
  if (colon == text.npos)
    return std::nullopt;
  found.scheme = text.substr(0, colon);
  text.remove_prefix(colon + 1);
  if (text.starts_with("//")) {
    text.remove_prefix(2);
    const auto authority = text.substr(0, text.find('/'));
    text.remove_prefix(authority.size());
    found.authority = parse_authority(authority);
    if (!found.authority)
      return std::nullopt;
  }
  found.path = text;
  return is_scheme(found.scheme) && consists_of(found.path, "!$&'()*+,;=:@/") &&
                 is_query(found.query.value_or("")) && is_query(found.fragment.value_or(""))
             ? std::optional(found)
             : std::nullopt;
}

} // namespace hotslot::base
