#include "session_list.hpp"

#include "session.hpp"

#include <algorithm>

namespace hotslot::http::detail {

void traffic::add(const session& s) noexcept {
  received += s.received();
  sent += s.sent();
}

void session_list::add(session& s, bool counts_for_address) {
  if (counts_for_address)
    ++by_address_[s.remote_endpoint().address()];
  sessions_.push_back(s);
}

void session_list::remove(session& s) noexcept {
  sessions_.erase(sessions_.iterator_to(s));
  const auto counted = by_address_.find(s.remote_endpoint().address());
  if (counted != by_address_.end() && --counted->second == 0)
    by_address_.erase(counted);
}

std::size_t session_list::of_address(const boost::asio::ip::address& a) const {
  const auto counted = by_address_.find(a);
  return counted == by_address_.end() ? 0 : counted->second;
}

std::vector<std::shared_ptr<session>> session_list::live() {
  std::vector<std::shared_ptr<session>> alive;
  alive.reserve(sessions_.size());
  for (auto& s : sessions_)
    if (auto one = s.weak_from_this().lock())
      alive.push_back(std::move(one));
  return alive;
}

traffic session_list::traffic_with(traffic more) const noexcept {
  for (const auto& s : sessions_)
    more.add(s);
  return more;
}

std::vector<session_list::waiting_session> session_list::longest_waiting(std::size_t most) {
  std::vector<std::pair<clock::rep, session*>> waiting;
  for (auto& s : sessions_)
    if (const auto since = s.waiting_since(); since != 0)
      waiting.emplace_back(since, &s);
  const auto end = waiting.begin() + static_cast<std::ptrdiff_t>(std::min(most, waiting.size()));
  std::nth_element(waiting.begin(), end, waiting.end());
  std::vector<waiting_session> found;
  for (auto it = waiting.begin(); it != end; ++it)
    if (auto alive = it->second->weak_from_this().lock())
      found.push_back({std::move(alive), it->first});
  return found;
}

} // namespace hotslot::http::detail
