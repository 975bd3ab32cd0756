#include <hotslot/http/trusted_proxies.hpp>

#include "base/number.hpp"

#include <algorithm>
#include <string>

namespace hotslot::http {
namespace {

namespace ip = boost::asio::ip;

ip::address_v6 as_v6(const ip::address& a) {
  return a.is_v6() ? a.to_v6() : ip::make_address_v6(ip::v4_mapped, a.to_v4());
}

// Of the first `bits`, which are those of a network.
bool begin_alike(const ip::address_v6& a, const ip::address_v6& b, unsigned bits) noexcept {
  const auto left = a.to_bytes(), right = b.to_bytes();
  const std::size_t whole = bits / 8;
  if (!std::equal(left.begin(), left.begin() + whole, right.begin()))
    return false;
  const unsigned rest = bits % 8;
  return rest == 0 || (left[whole] ^ right[whole]) >> (8 - rest) == 0;
}

bool has_more_bits(const ip::address_v6& a, unsigned bits) noexcept {
  const auto bytes = a.to_bytes();
  for (unsigned n = bits; n < 128; ++n)
    if (bytes[n / 8] >> (7 - n % 8) & 1)
      return true;
  return false;
}

} // namespace

bool trusted_proxies::add(std::string_view text) {
  if (text == "unix:")
    return local_ = true;
  const auto slash = text.find('/');
  boost::system::error_code failed;
  const auto base = ip::make_address(std::string(text.substr(0, slash)), failed);
  if (failed || text.find('\0') != text.npos || (base.is_v6() && base.to_v6().scope_id() != 0))
    return false;
  const unsigned most = base.is_v4() ? 32 : 128;
  unsigned bits = most;
  if (slash != text.npos) {
    const auto stated = base::parse_number<unsigned>(text.substr(slash + 1));
    if (!stated || *stated > most || text.substr(slash + 1) != std::to_string(*stated))
      return false;
    bits = *stated;
  }
  const network added{as_v6(base), 128 - most + bits};
  if (has_more_bits(added.base, added.bits)) // as 10.0.0.1/8, of which nobody knows what was meant
    return false;
  networks_.push_back(added);
  return true;
}

bool trusted_proxies::has(const ip::address& proxy) const noexcept {
  if (proxy.is_unspecified())
    return local_;
  return std::any_of(networks_.begin(), networks_.end(),
                     [at = as_v6(proxy)](const network& n) { return begin_alike(n.base, at, n.bits); });
}

} // namespace hotslot::http
