// The idle slots of a queue.
#pragma once

#include <hotslot/detail/queue/queue_nodes.hpp>

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace hotslot::detail {

/// In the order of their offers; the newest is lent first, where not told otherwise. Owns nothing. Cost:
/// O(1), but a slot that comes back to its place passes the younger ones.
class idle_stack {
 public:
  bool empty() const noexcept { return slots_.empty(); }
  std::uint64_t size() const noexcept { return size_; }
  slot_node& oldest() noexcept { return slots_.front(); }
  const slot_node& oldest() const noexcept { return slots_.front(); }
  void lend_oldest(bool yes) noexcept { lends_oldest_ = yes; }
  /// The one to be lent next.
  slot_node& next() noexcept { return lends_oldest_ ? slots_.front() : slots_.back(); }
  slot_node& take_next() noexcept {
    slot_node& s = next();
    remove(s);
    return s;
  }

  /// From the oldest on, as long as `f` says so, which may take the slot out.
  template <class F>
  void visit_oldest(F&& f) {
    for (auto it = slots_.begin(); it != slots_.end();)
      if (!f(*it++))
        return;
  }

  /// Those of offer `id` and later, oldest first, as long as `f` says so. Cost: O(1) for each.
  template <class F>
  void visit_from(std::uint64_t id, F&& f) const {
    auto it = slots_.end();
    while (it != slots_.begin() && std::prev(it)->id >= id)
      --it;
    for (; it != slots_.end() && f(const_cast<slot_node&>(*it));)
      ++it;
  }

  /// Of those that a launcher has started. Cost: O(1) where all are; null where none is.
  const slot_node* oldest_launched() const noexcept {
    const auto it = std::find_if(slots_.begin(), slots_.end(), [](const slot_node& s) { return s.launched; });
    return it == slots_.end() ? nullptr : &*it;
  }
  slot_node* oldest_launched() noexcept {
    return const_cast<slot_node*>(static_cast<const idle_stack&>(*this).oldest_launched());
  }
  std::uint64_t count_launched() const noexcept {
    return static_cast<std::uint64_t>(
        std::count_if(slots_.begin(), slots_.end(), [](const slot_node& s) { return s.launched; }));
  }

  void add(slot_node& s) noexcept {
    s.place = slot_node::place_type::idle;
    auto after = slots_.end();
    while (after != slots_.begin() && std::prev(after)->id > s.id)
      --after;
    slots_.insert(after, s);
    ++size_;
  }

  void remove(slot_node& s) noexcept {
    slots_.erase(slots_.iterator_to(s));
    --size_;
  }

 private:
  slot_list slots_; // oldest first
  std::uint64_t size_ = 0;
  bool lends_oldest_ = false;
};

} // namespace hotslot::detail
