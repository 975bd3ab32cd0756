// The workers that one launcher has started.
#pragma once

#include <hotslot/detail/launcher/launched_queue.hpp>
#include <hotslot/detail/resources/resource_account.hpp>
#include <hotslot/stats/queue_detail.hpp>

#include <boost/intrusive/list.hpp>

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

namespace hotslot::detail {

/// Oldest first.
///
/// Thread safety: a shared object is safe. Takes the queue's lock under its own.
template <queue_hook Hook, class Mutex>
class worker_registry {
 public:
  using queue_type = launched_queue<Hook>;
  using slot_pointer = shared_slot<Hook>;
  using reservation_type = resource_reservation<Mutex>;

  /// A worker, from when its slot is queued until it is gone. Lives in whatever looks after it.
  struct worker : list_hook {
    explicit worker(worker_registry& r) noexcept
      : registry(r) {}
    worker(const worker&) = delete;
    ~worker() { registry.remove(*this); }

    worker_registry& registry;
    reservation_type reservation;
    slot_pointer slot;
    std::uint64_t id = 0;
    timestamp born{};
    timestamp end = timestamp::max(); ///< When it is to be ended at the latest.
    bool retired = false;             ///< It is being ended for its age.
    bool listed = false;
  };

  explicit worker_registry(queue_type& queue)
    : queue_(queue) {}

  void add(worker& w) {
    std::lock_guard lock(mutex_);
    w.id = ++last_id_;
    workers_.push_back(w);
    w.listed = true;
    next_end_ = std::min(next_end_, w.end);
  }

  /// Retires the workers that have come of age. Returns when the next one will.
  timestamp retire_aged(timestamp now) {
    std::vector<slot_pointer> aged;
    timestamp next;
    {
      std::lock_guard lock(mutex_);
      if (now < next_end_)
        return next_end_;
      next_end_ = timestamp::max();
      for (worker& w : workers_)
        if (!w.retired && w.end <= now)
          retire(w, aged);
        else if (!w.retired)
          next_end_ = std::min(next_end_, w.end);
      next = next_end_;
    }
    end(aged, eject_reason::aged);
    return next;
  }

  /// Workers born until now are to be replaced, `at_a_time` at a time.
  void recycle(timestamp now, std::uint64_t at_a_time) {
    std::lock_guard lock(mutex_);
    recycle_until_ = now;
    recycled_at_a_time_ = std::max<std::uint64_t>(at_a_time, 1);
  }

  /// Retires the next workers that are to be replaced, while `missing` are starting or to be started. None
  /// while starts fail.
  void go_on_recycling(std::uint64_t missing, bool failing) {
    std::vector<slot_pointer> old;
    {
      std::lock_guard lock(mutex_);
      if (recycled_at_a_time_ == 0 || failing)
        return;
      std::uint64_t out = missing, left = 0;
      for (const worker& w : workers_)
        out += w.retired && !is_detached(w);
      for (worker& w : workers_)
        if (!w.retired && !is_detached(w) && w.born <= recycle_until_ && ++left &&
            out < recycled_at_a_time_ && ++out)
          retire(w, old);
      if (left == 0)
        recycled_at_a_time_ = 0;
    }
    end(old, eject_reason::recycled);
  }

  std::vector<worker_view> view(timestamp now) const {
    std::vector<worker_view> out;
    std::lock_guard lock(mutex_);
    for (const worker& w : workers_) {
      slot_node s;
      queue_.look([&](const auto&) { s = *w.slot; });
      const bool idle = s.place == slot_node::place_type::idle;
      using state_type = worker_view::state_type;
      if (!s.has_left())
        out.push_back({.id = w.id,
                       .state = !idle      ? state_type::busy
                                : s.paused ? state_type::paused
                                           : state_type::idle,
                       .age = now - w.born,
                       .idle_for = idle ? now - s.idle_since : timestamp(),
                       .calls = s.calls});
    }
    return out;
  }

 private:
  // What it takes is given back before it is left out of those that leave: nobody is asked for it twice.
  void remove(worker& w) noexcept {
    if (!w.listed)
      return;
    {
      std::lock_guard lock(mutex_);
      workers_.erase(workers_.iterator_to(w));
    }
    w.reservation.release();
    queue_.step([&](auto& core, auto& todo) {
      core.recount(todo, [&w](slot_census& census) { census.left(*w.slot); });
      todo.signal = true;
    });
  }

  // Whoever has it for good ends it, too.
  bool is_detached(const worker& w) const noexcept {
    bool yes = false;
    queue_.look([&](const auto&) { yes = (*w.slot).retired == eject_reason::detached; });
    return yes;
  }

  static void retire(worker& w, std::vector<slot_pointer>& out) {
    out.push_back(w.slot);
    w.retired = true;
  }

  // Without the lock: ending a slot runs its user's code.
  void end(const std::vector<slot_pointer>& slots, eject_reason why) {
    for (const slot_pointer& s : slots)
      queue_.retire(*s, why);
  }

  queue_type& queue_;
  mutable Mutex mutex_;
  boost::intrusive::list<worker, boost::intrusive::base_hook<list_hook>,
                         boost::intrusive::constant_time_size<false>>
      workers_;
  std::uint64_t last_id_ = 0;
  timestamp next_end_ = timestamp::max();
  timestamp recycle_until_ = timestamp::min();
  std::uint64_t recycled_at_a_time_ = 0; ///< 0 where none are.
};

} // namespace hotslot::detail
