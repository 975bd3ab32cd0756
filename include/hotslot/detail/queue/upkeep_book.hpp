// Which slots are looked after before anybody may have them, and how many are.
#pragma once

#include <hotslot/detail/queue/queue_nodes.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>

namespace hotslot::detail {

/// What a queue needs to know of its `slot_upkeep`.
struct upkeep_terms {
  timestamp stale_after = timestamp::max(); ///< Slots that are idle for so long are validated first.
  bool resets = false;                      ///< Slots that come back from a call.
};

/// How idle slots are kept alive.
struct keepalive_terms {
  timestamp interval = timestamp::max(); ///< None are, at the end of time.
  std::uint32_t jitter_percent = 0;
  std::uint64_t at_once = 1;
};

/// A slot that is being looked after is in no list. Where that takes too long it is not waited for any more,
/// though it is still looked after.
class upkeep_book {
 public:
  void set(const upkeep_terms& t) noexcept { terms_ = t; }
  bool validates() const noexcept { return terms_.stale_after != timestamp::max(); }
  bool resets() const noexcept { return terms_.resets; }

  bool is_stale(const slot_node& s, timestamp now) const noexcept {
    return validates() && now - s.idle_since >= terms_.stale_after;
  }

  std::uint64_t count(slot_task t) const noexcept { return counts_[static_cast<std::size_t>(t)]; }
  /// Those that may be had soon.
  std::uint64_t count() const noexcept {
    return std::accumulate(counts_.begin(), counts_.end(), std::uint64_t(0));
  }
  void begin(slot_task t) noexcept { ++counts_[static_cast<std::size_t>(t)]; }
  void end(slot_task t) noexcept { --counts_[static_cast<std::size_t>(t)]; }

 private:
  upkeep_terms terms_;
  std::array<std::uint64_t, slot_task_count> counts_{};
};

} // namespace hotslot::detail
