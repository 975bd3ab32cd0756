// When each idle slot is to be pinged.
#pragma once

#include <hotslot/detail/launcher/launched_queue.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <random>
#include <utility>
#include <vector>

namespace hotslot::detail {

/// Knows the idle slots that it has seen, each under the offer that it saw. Those that come later are due
/// later than the next that it knows, but for what the jitter makes of it.
template <queue_hook Hook>
class keepalive_schedule {
 public:
  using queue_type = launched_queue<Hook>;
  using core_type = typename queue_type::core_type;

  keepalive_schedule(queue_type& queue, std::uint32_t seed)
    : queue_(queue)
    , random_(seed) {}

  /// Has those pinged that are due, where nobody waits. Returns when to do so again; where that is not known,
  /// the launcher is told when it is.
  timestamp run(timestamp now) {
    const keepalive_terms terms = queue_.keepalive();
    if (terms.interval == timestamp::max())
      return timestamp::max();
    enroll(terms);
    timestamp next = timestamp::max();
    queue_.step([&](core_type& core, queue_actions& todo) { next = ping(core, terms, now, todo); });
    return next;
  }

 private:
  struct known {
    shared_slot<Hook> slot;
    std::uint64_t offer;
  };
  struct found {
    slot_node* slot;
    std::uint64_t offer;
    timestamp since;
  };

  // Under the lock nothing is allocated.
  void enroll(const keepalive_terms& terms) {
    for (std::size_t most = 16; find_new(most); most *= 2)
      ;
    for (const found& f : found_)
      due_.emplace(later(f.since, jittered(terms)),
                   known{shared_slot<Hook>(queue_, *f.slot, false), f.offer});
    found_.clear();
  }

  // False where there was room for all.
  bool find_new(std::size_t most) {
    found_.reserve(found_.size() + most);
    bool full = false;
    queue_.look([&](const core_type& core) {
      core.idle_slots().visit_from(last_seen_, [&](slot_node& s) {
        full = found_.size() == found_.capacity();
        if (full)
          return false;
        queue_.share(s);
        found_.push_back({&s, s.id, s.idle_since});
        last_seen_ = s.id + 1;
        return true;
      });
    });
    return full;
  }

  timestamp ping(core_type& core, const keepalive_terms& terms, timestamp now, queue_actions& todo) {
    while (!due_.empty() && due_.begin()->first <= now) {
      if (core.wanting() != 0 || core.tended(slot_task::keepalive) >= terms.at_once)
        break;
      auto one = due_.extract(due_.begin());
      const known& k = one.mapped();
      if (k.slot->id != k.offer)
        continue; // it has been used, and is found again
      if (k.slot->place == slot_node::place_type::idle)
        core.ping(*k.slot, todo);
      one.key() = later(now, jittered(terms));
      if (!k.slot->has_left())
        due_.insert(std::move(one));
    }
    if (due_.empty() || core.wanting() != 0)
      core.terms().watch_idle_above(0);
    return due_.empty() || due_.begin()->first <= now ? timestamp::max() : due_.begin()->first;
  }

  std::chrono::nanoseconds jittered(const keepalive_terms& terms) {
    const auto jitter = terms.interval / 100 * std::min<std::uint32_t>(terms.jitter_percent, 100);
    return terms.interval - jitter / 1024 * static_cast<std::int64_t>(random_() % 1024);
  }

  queue_type& queue_;
  std::minstd_rand random_;
  std::multimap<timestamp, known> due_;
  std::vector<found> found_;
  std::uint64_t last_seen_ = 0; ///< Offers before it are known.
};

} // namespace hotslot::detail
