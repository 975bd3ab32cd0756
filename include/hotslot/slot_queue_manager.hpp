// Key -> slot queue.
#ifndef HOTSLOT_SLOT_QUEUE_MANAGER_HPP
#define HOTSLOT_SLOT_QUEUE_MANAGER_HPP

#include <hotslot/queue_key.hpp>
#include <hotslot/slot_queue.hpp>

#include <boost/unordered/unordered_flat_map.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace hotslot {

namespace detail {

template <queue_key Key>
struct key_hash : std::hash<Key> {};

template <>
struct key_hash<std::string> : std::hash<std::string_view> {
  using is_transparent = void; // a view finds a string
};

} // namespace detail

/// The slot queues of all keys: creates one at the first look-up, hands out handles, deletes those that
/// nobody uses.
///
/// A key is any type that can be copied, compared and hashed by `std::hash`; `slot_key` is one of a digest.
///
/// Invariant: a queue that somebody holds a handle or a ticket of is never deleted, so nobody ever waits on a
/// deleted queue. Thread safety: a shared object is safe. Cost of a look-up: one mutex, one hash. Completions
/// are posted under that mutex, so a handler's executor and allocator must not use the manager.
template <slot Slot, queue_key Key = std::string, class Executor = asio::any_io_executor,
          class Traits = queue_traits>
class basic_slot_queue_manager {
  using impl_type = detail::queue_impl<Slot, Executor, Traits>;

 public:
  using queue_type = basic_slot_queue<Slot, Executor, Traits>;
  using ticket_type = basic_ticket<Slot, Executor, Traits>;
  using lease_type = typename queue_type::lease_type;
  /// How a key is named: a string by a view of it.
  using key_view = std::conditional_t<std::same_as<Key, std::string>, std::string_view, const Key&>;

  /// What a look-up found.
  template <class T>
  struct found {
    T value;
    bool is_new; ///< The queue was made by this look-up: its launcher has to be started, where no attendant
                 ///< is.
  };
  using time_limit = typename queue_type::time_limit;

  /// Makes what looks after a key's queue for as long as the manager has that: a launcher, by `launch_each`.
  using attend_type = std::function<std::shared_ptr<void>(const Key& key, const queue_type& queue)>;

  /// Each queue gets a copy of `hook`.
  explicit basic_slot_queue_manager(const Executor& ex, const typename Traits::hook_type& hook = {})
    : executor_(ex)
    , hook_(hook) {}

  /// `attend` is called once for each new queue, by the look-up that makes it, without a lock. Where it
  /// throws, so does the look-up, and the queue is closed and forgotten. What it returns must not keep the
  /// queue open.
  basic_slot_queue_manager(const Executor& ex, attend_type attend,
                           const typename Traits::hook_type& hook = {})
    : executor_(ex)
    , hook_(hook)
    , attend_(std::move(attend)) {}

  /// The same for the executor of an execution context.
  template <class ExecutionContext, class... Args>
  requires std::is_convertible_v<ExecutionContext&, asio::execution_context&>
  explicit basic_slot_queue_manager(ExecutionContext& context, Args&&... args)
    : basic_slot_queue_manager(Executor(context.get_executor()), std::forward<Args>(args)...) {}

  ~basic_slot_queue_manager() = default;

  /// The key's queue. Where there is none it is made.
  found<queue_type> get(key_view key) {
    std::unique_lock lock(mutex_);
    auto [kept, is_new] = find(key);
    found<queue_type> q{kept->queue, is_new};
    lock.unlock();
    if (is_new)
      attend(key, q.value);
    return q;
  }

  /// The key's queue, with the caller counted as waiting in the same step.
  found<ticket_type> enter(key_view key) {
    std::unique_lock lock(mutex_);
    auto [kept, is_new] = find(key);
    const queue_type q = kept->queue;
    try {
      found<ticket_type> entered{q.enter(), is_new};
      lock.unlock();
      if (is_new)
        attend(key, q);
      return entered;
    } catch (...) {
      if (is_new && lock) // nobody would be told again
        erase(queues_.find(key));
      throw;
    }
  }

  /// A slot of the key, as by `basic_slot_queue::acquire`, for a caller that is counted as waiting from the
  /// start. Throws what the attendant throws, too. Lifetime: the manager has to outlive the awaitable.
  asio::awaitable<lease_type, Executor>
  acquire(Key key, time_limit deadline = queue_type::time_point::max(),
          std::source_location where = std::source_location::current()) {
    return acquire(std::move(key), start_context(), deadline, where);
  }

  /// The same; `context` goes to the factory of the worker that is started for this caller, if one is.
  asio::awaitable<lease_type, Executor>
  acquire(Key key, start_context context, time_limit deadline = queue_type::time_point::max(),
          std::source_location where = std::source_location::current()) {
    if (lease_type lease = try_acquire(key, where))
      co_return lease;
    ticket_type ticket = enter(key).value;
    co_return co_await ticket.acquire(std::move(context), deadline, where);
  }

  /// The next idle slot of the key; an empty lease where there is none. What a caller tries first: it costs
  /// less than a handle or a ticket, and makes no queue.
  lease_type try_acquire(key_view key,
                         std::source_location where = std::source_location::current()) noexcept {
    typename queue_type::acquisition got;
    lease_type lease = try_acquire(key, where, got);
    queue_type::complete(lease, got);
    return lease;
  }

  /// Deletes the key's queue if nobody has a handle on it, it is idle, and it holds no slot. Returns whether
  /// it did.
  bool erase_idle(key_view key) {
    std::optional<kept_queue> gone; // which ends without the lock
    std::lock_guard lock(mutex_);
    auto it = queues_.find(key);
    if (it == queues_.end() || !it->second.queue.impl_->is_abandoned())
      return false;
    gone = erase(it);
    return true;
  }

  /// Deletes the queues that have been without use since `since` or longer, as seen by the calls of this
  /// function: a queue's age runs from the first call that finds it unused. Returns how many. Cost: linear in
  /// the keys; look-ups get their turn after each 256 of them.
  std::size_t age(typename queue_type::time_point now, typename queue_type::clock_type::duration max_age) {
    constexpr std::size_t at_a_time = 256;
    std::size_t deleted = 0;
    for (std::size_t left = size(); left != 0; left -= std::min(left, at_a_time)) {
      std::vector<kept_queue> gone; // which end without the lock
      gone.reserve(at_a_time);
      std::lock_guard lock(mutex_);
      for (std::size_t n = std::min(left, at_a_time); n != 0 && !order_.empty(); --n)
        look_at_next(now, max_age, gone);
      deleted += gone.size();
    }
    return deleted;
  }

  /// Closes every queue and forgets it; queues looked up later are new.
  void close() {
    map_type closing;
    {
      std::lock_guard lock(mutex_);
      closing.swap(queues_);
      order_.clear();
    }
    for (auto& [key, kept] : closing)
      kept.queue.close();
  }

  std::size_t size() const {
    std::lock_guard lock(mutex_);
    return queues_.size();
  }

  /// Every queue's stats, each consistent in itself.
  std::vector<std::pair<Key, queue_snapshot>> snapshot() const {
    // No handles: whoever looks does not use.
    std::vector<std::pair<Key, typename impl_type::pointer>> queues;
    {
      std::lock_guard lock(mutex_);
      queues.reserve(queues_.size());
      for (const auto& [key, kept] : queues_)
        queues.emplace_back(key, kept.queue.impl_.get());
    }
    std::vector<std::pair<Key, queue_snapshot>> out;
    out.reserve(queues.size());
    for (const auto& [key, queue] : queues)
      out.emplace_back(key, queue->snapshot());
    return out;
  }

 private:
  struct kept_queue {
    queue_type queue;
    std::size_t at = 0;                                          ///< In `order_`.
    std::unique_ptr<const std::shared_ptr<void>> attendant = {}; ///< So that a key without one is small.
    typename queue_type::time_point unused_since = queue_type::time_point::max();
  };

  lease_type try_acquire(key_view key, const std::source_location& where,
                         typename queue_type::acquisition& got) noexcept {
    std::lock_guard lock(mutex_);
    const auto it = queues_.find(key);
    return it == queues_.end() ? lease_type() : it->second.queue.try_acquire(where, got);
  }

  using map_type = boost::unordered_flat_map<Key, kept_queue, detail::key_hash<Key>, std::equal_to<>>;

  std::pair<kept_queue*, bool> find(key_view key) {
    auto it = queues_.find(key);
    const bool is_new = it == queues_.end();
    if (is_new)
      it = make(key);
    it->second.unused_since = queue_type::time_point::max();
    return {&it->second, is_new};
  }

  void attend(key_view key, const queue_type& q) {
    if (!attend_)
      return;
    try {
      if (auto a = attend_(Key(key), q))
        keep(key, q, std::make_unique<const std::shared_ptr<void>>(std::move(a)));
    } catch (...) {
      forget(key, q);
      q.close();
      throw;
    }
  }

  // The queue may be closed already, and another have come in its place.
  kept_queue* find_same(key_view key, const queue_type& q) noexcept {
    const auto it = queues_.find(key);
    return it != queues_.end() && it->second.queue == q ? &it->second : nullptr;
  }
  void keep(key_view key, const queue_type& q, decltype(kept_queue::attendant) attendant) noexcept {
    std::lock_guard lock(mutex_);
    if (kept_queue* kept = find_same(key, q))
      kept->attendant.swap(attendant);
  }
  void forget(key_view key, const queue_type& q) noexcept {
    std::lock_guard lock(mutex_);
    if (find_same(key, q))
      erase(queues_.find(key));
  }

  typename map_type::iterator make(key_view key) {
    order_.emplace_back(key);
    try {
      return queues_.emplace(Key(key), kept_queue{queue_type(executor_, hook_), order_.size() - 1}).first;
    } catch (...) {
      order_.pop_back();
      throw;
    }
  }

  kept_queue erase(typename map_type::iterator it) {
    kept_queue gone = std::move(it->second);
    const std::size_t at = gone.at;
    if (at + 1 != order_.size()) {
      order_[at] = order_.back();
      queues_.find(order_[at])->second.at = at;
    }
    order_.pop_back();
    queues_.erase(it);
    return gone;
  }

  void look_at_next(typename queue_type::time_point now, typename queue_type::clock_type::duration max_age,
                    std::vector<kept_queue>& gone) {
    next_ = next_ != 0 ? std::min(next_, order_.size()) - 1 : order_.size() - 1;
    const auto it = queues_.find(order_[next_]);
    kept_queue& kept = it->second;
    const bool unused = kept.queue.impl_->is_abandoned();
    kept.unused_since = unused ? std::min(kept.unused_since, now) : queue_type::time_point::max();
    if (!unused || now - kept.unused_since < max_age)
      return;
    gone.push_back(erase(it));
  }

  mutable typename Traits::mutex_type mutex_;
  Executor executor_;
  [[no_unique_address]] typename Traits::hook_type hook_;
  const attend_type attend_;
  map_type queues_;
  std::vector<Key> order_; ///< All keys, so that a part of them can be looked at.
  std::size_t next_ = 0;   ///< Of these, downwards: who takes an erased one's place has been looked at.
};

/// What programs name: a manager of queues on any executor.
template <slot Slot, queue_key Key = std::string>
using slot_queue_manager = basic_slot_queue_manager<Slot, Key>;

} // namespace hotslot

#endif
