// Key -> slot queue.
#ifndef HOTSLOT_SLOT_QUEUE_MANAGER_HPP
#define HOTSLOT_SLOT_QUEUE_MANAGER_HPP

#include <hotslot/slot_key.hpp>
#include <hotslot/slot_queue.hpp>

#include <boost/unordered/unordered_flat_map.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

namespace hotslot {

/// The slot queues of all keys: creates one at the first look-up, hands out handles, deletes those that
/// nobody uses.
///
/// Invariant: a queue that somebody holds a handle or a ticket of is never deleted, so nobody ever waits on a
/// deleted queue. Thread safety: a shared object is safe. Cost of a look-up: one mutex, one hash. Completions
/// are posted under that mutex, so a handler's executor and allocator must not use the manager.
template <slot Slot, class Executor = asio::any_io_executor, class Traits = queue_traits>
class basic_slot_queue_manager {
 public:
  using queue_type = basic_slot_queue<Slot, Executor, Traits>;
  using ticket_type = basic_ticket<Slot, Executor, Traits>;
  using lease_type = typename queue_type::lease_type;

  /// What a look-up found.
  template <class T>
  struct found {
    T value;
    bool is_new; ///< The queue was made by this look-up: its launcher has to be started.
  };

  /// Each queue gets a copy of `hook`.
  explicit basic_slot_queue_manager(const Executor& ex, const typename Traits::hook_type& hook = {})
    : executor_(ex)
    , hook_(hook) {}

  /// The key's queue. Where there is none it is made.
  found<queue_type> get(const slot_key& key) {
    std::lock_guard lock(mutex_);
    auto [queue, is_new] = find(key);
    return {*queue, is_new};
  }

  /// The key's queue, with the caller counted as waiting in the same step.
  found<ticket_type> enter(const slot_key& key) {
    std::lock_guard lock(mutex_);
    auto [queue, is_new] = find(key);
    try {
      return {queue->enter(), is_new};
    } catch (...) {
      if (is_new) // nobody would be told again
        queues_.erase(key);
      throw;
    }
  }

  /// The newest idle slot of the key; an empty lease where there is none. What a caller tries first: it costs
  /// less than a handle or a ticket, and makes no queue.
  lease_type try_acquire(const slot_key& key) noexcept {
    std::lock_guard lock(mutex_);
    const auto it = queues_.find(key);
    return it == queues_.end() ? lease_type() : it->second.queue.try_acquire();
  }

  /// Deletes the key's queue if nobody has a handle on it, it is idle, and it holds no slot. Returns whether
  /// it did.
  bool erase_idle(const slot_key& key) {
    std::lock_guard lock(mutex_);
    auto it = queues_.find(key);
    if (it == queues_.end() || !it->second.queue.impl_->is_abandoned())
      return false;
    queues_.erase(it);
    return true;
  }

  /// Deletes the queues that have been without use since `since` or longer, as seen by the calls of this
  /// function: a queue's age runs from the first call that finds it unused. Returns how many.
  std::size_t age(typename queue_type::time_point now, typename queue_type::clock_type::duration max_age) {
    std::lock_guard lock(mutex_);
    return erase_if(queues_, [&](auto& entry) {
      kept_queue& kept = entry.second;
      const bool unused = kept.queue.impl_->is_abandoned();
      kept.unused_since = unused ? std::min(kept.unused_since, now) : queue_type::time_point::max();
      return unused && now - kept.unused_since >= max_age;
    });
  }

  /// Closes every queue and forgets it; queues looked up later are new.
  void close() {
    map_type closing;
    {
      std::lock_guard lock(mutex_);
      closing.swap(queues_);
    }
    for (auto& [key, kept] : closing)
      kept.queue.close();
  }

  std::size_t size() const {
    std::lock_guard lock(mutex_);
    return queues_.size();
  }

  /// Every queue's stats, each consistent in itself.
  std::vector<std::pair<slot_key, queue_snapshot>> snapshot() const {
    std::vector<std::pair<slot_key, queue_type>> queues;
    {
      std::lock_guard lock(mutex_);
      queues.reserve(queues_.size());
      for (const auto& [key, kept] : queues_)
        queues.emplace_back(key, kept.queue);
    }
    std::vector<std::pair<slot_key, queue_snapshot>> out;
    out.reserve(queues.size());
    for (const auto& [key, queue] : queues)
      out.emplace_back(key, queue.snapshot());
    return out;
  }

 private:
  struct kept_queue {
    queue_type queue;
    typename queue_type::time_point unused_since = queue_type::time_point::max();
  };

  using map_type = boost::unordered_flat_map<slot_key, kept_queue, std::hash<slot_key>>;

  std::pair<queue_type*, bool> find(const slot_key& key) {
    auto it = queues_.find(key);
    const bool is_new = it == queues_.end();
    if (is_new)
      it = queues_.emplace(key, kept_queue{queue_type(executor_, hook_)}).first;
    it->second.unused_since = queue_type::time_point::max();
    return {&it->second.queue, is_new};
  }

  mutable typename Traits::mutex_type mutex_;
  Executor executor_;
  [[no_unique_address]] typename Traits::hook_type hook_;
  map_type queues_;
};

template <slot Slot>
using slot_queue_manager = basic_slot_queue_manager<Slot>;

} // namespace hotslot

#endif
