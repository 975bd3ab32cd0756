// Whose word is taken for who asks, and how.
#ifndef HOTSLOT_HTTP_TRUSTED_PROXIES_HPP
#define HOTSLOT_HTTP_TRUSTED_PROXIES_HPP

#include <boost/asio/ip/address.hpp>

#include <string_view>
#include <vector>

namespace hotslot::http {

/// Addresses of proxies that say for whom they ask.
class trusted_proxies {
 public:
  /// An address, a network as 10.0.0.0/8, or "unix:", which is all who call by a unix socket. False where it
  /// is none of them, which adds nothing.
  bool add(std::string_view text);

  bool empty() const noexcept { return networks_.empty() && !local_; }
  /// Whether `proxy` is one of the addresses, or in one of the networks. An unspecified address, as those
  /// have who call by a unix socket, stands for "unix:".
  bool has(const boost::asio::ip::address& proxy) const noexcept;

  friend bool operator==(const trusted_proxies&, const trusted_proxies&) = default;

 private:
  struct network {
    boost::asio::ip::address_v6 base; ///< Of version 4: mapped.
    unsigned bits = 128;

    friend bool operator==(const network&, const network&) = default;
  };

  std::vector<network> networks_;
  bool local_ = false; ///< Who calls by a unix socket.
};

} // namespace hotslot::http

#endif
