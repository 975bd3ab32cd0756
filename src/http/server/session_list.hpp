// The open connections of a server.
#pragma once

#include <hotslot/http/server.hpp>

#include <boost/asio/ip/address.hpp>
#include <boost/intrusive/list.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

namespace hotslot::http::detail {

class session;

using session_hook =
    boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>>;

/// What connections have taken and given.
struct traffic {
  std::uint64_t received = 0;
  std::uint64_t sent = 0;

  void add(const session& s) noexcept;
};

/// Those whose last reference is going are in it until they are gone. Thread safety: none.
class session_list {
 public:
  using clock = std::chrono::steady_clock;

  /// A session that waits for a request, and since when.
  struct waiting_session {
    std::shared_ptr<session> who;
    clock::rep since;
  };

  void add(session& s, bool counts_for_address);
  void remove(session& s) noexcept;
  bool empty() const noexcept { return sessions_.empty(); }
  std::size_t size() const noexcept { return sessions_.size(); }
  std::size_t of_address(const boost::asio::ip::address& a) const;
  std::vector<std::shared_ptr<session>> live();
  /// Theirs, and `more`.
  traffic traffic_with(traffic more) const noexcept;
  /// At most so many, who have waited longest.
  std::vector<waiting_session> longest_waiting(std::size_t most);

 private:
  boost::intrusive::list<session, boost::intrusive::base_hook<session_hook>> sessions_;
  std::unordered_map<boost::asio::ip::address, std::size_t> by_address_; ///< Of those that count.
};

} // namespace hotslot::http::detail
