// The waits of a slot queue, in the order of their arrival and by their deadlines.
#pragma once

#include <hotslot/detail/queue/queue_nodes.hpp>

#include <cassert>
#include <cstdint>

namespace hotslot::detail {

/// Those that wait for a slot, oldest first; those that wait for the end; the deadlines of both. Owns
/// nothing.
///
/// Cost: O(1), but a deadline: logarithmic, constant for the latest one of all.
class waiting_line {
 public:
  bool empty() const noexcept { return callers_.empty(); }
  std::uint64_t size() const noexcept { return size_; }
  wait_node& oldest() noexcept { return callers_.front(); }
  wait_node& newest() noexcept { return callers_.back(); }

  bool has_drainers() const noexcept { return !drainers_.empty(); }
  wait_node& drainer() noexcept { return drainers_.front(); }

  void add(wait_node& w) noexcept {
    if (w.kind != wait_node::kind_type::drain)
      return insert(callers_.end(), w);
    drainers_.push_back(w);
    begin(w);
  }

  /// Back to its place, which only others that resumed can be before.
  void resume(wait_node& w) noexcept {
    auto younger = callers_.begin();
    while (younger != callers_.end() && younger->id < w.id)
      ++younger;
    insert(younger, w);
  }

  void remove(wait_node& w) noexcept {
    if (w.deadline != wait_node::no_deadline)
      deadlines_.erase(deadlines_.iterator_to(w));
    if (w.kind == wait_node::kind_type::drain) {
      drainers_.erase(drainers_.iterator_to(w));
    } else {
      callers_.erase(callers_.iterator_to(w));
      --size_;
    }
  }

  timestamp next_deadline() const noexcept {
    return deadlines_.empty() ? wait_node::no_deadline : deadlines_.begin()->deadline;
  }
  /// The wait whose deadline comes first. Precondition: there is one.
  wait_node& most_urgent() noexcept {
    assert(!deadlines_.empty());
    return *deadlines_.begin();
  }

 private:
  void insert(wait_list::iterator before, wait_node& w) noexcept {
    callers_.insert(before, w);
    ++size_;
    w.waited = true;
    begin(w);
  }

  void begin(wait_node& w) noexcept {
    w.phase = wait_node::phase_type::waiting;
    if (w.deadline != wait_node::no_deadline)
      deadlines_.insert(deadlines_.end(), w);
  }

  wait_list callers_;
  wait_list drainers_;
  deadline_set deadlines_;
  std::uint64_t size_ = 0;
};

} // namespace hotslot::detail
