// The waits of a slot queue, in the order of their arrival and by their deadlines.
#pragma once

#include <hotslot/detail/queue/queue_nodes.hpp>

#include <algorithm>
#include <cassert>
#include <cstdint>

namespace hotslot::detail {

/// Those that wait for a slot, oldest first; those that wait for the end, or for slots to be idle; the
/// deadlines of all. Owns nothing.
///
/// Cost: O(1), but a deadline: logarithmic, constant for the latest one of all; the waits for idle slots,
/// which are passed one by one.
class waiting_line {
 public:
  bool empty() const noexcept { return callers_.empty(); }
  std::uint64_t size() const noexcept { return size_; }
  wait_node& oldest() noexcept { return callers_.front(); }
  wait_node& newest() noexcept { return callers_.back(); }

  /// Calls `f` with each caller, oldest first, which may take it out.
  template <class F>
  void visit_callers(F&& f) {
    for (auto it = callers_.begin(); it != callers_.end();)
      f(*it++);
  }

  bool has_contexts() const noexcept { return contexts_ != 0; }
  /// Calls `f` with what those hand to the starts that they cause who come after the first `skip`, of `n` at
  /// most.
  template <class F>
  void visit_contexts(std::uint64_t skip, std::uint64_t n, F&& f) const {
    for (auto it = callers_.begin(); it != callers_.end() && n != 0; ++it)
      if (skip != 0) {
        --skip;
      } else {
        f(it->context);
        --n;
      }
  }

  bool has_idle_waits() const noexcept { return !idle_waits_.empty(); }
  wait_node& idle_wait() noexcept { return idle_waits_.front(); }
  /// One that waits for `idle` slots or fewer; null where there is none.
  wait_node* find_idle_wait(std::uint64_t idle) noexcept {
    const auto it = std::find_if(idle_waits_.begin(), idle_waits_.end(),
                                 [idle](const wait_node& w) { return w.id <= idle; });
    return it == idle_waits_.end() ? nullptr : &*it;
  }

  bool has_drainers() const noexcept { return !drainers_.empty(); }
  wait_node& drainer() noexcept { return drainers_.front(); }

  void add(wait_node& w) noexcept {
    if (w.is_caller())
      return insert(callers_.end(), w);
    others(w).push_back(w);
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
    if (w.is_caller()) {
      callers_.erase(callers_.iterator_to(w));
      --size_;
      contexts_ -= static_cast<bool>(w.context);
    } else {
      others(w).erase(wait_list::s_iterator_to(w));
    }
  }

  timestamp next_deadline() const noexcept {
    return deadlines_.empty() ? wait_node::no_deadline : deadlines_.begin()->deadline;
  }
  /// The same of the callers. Cost: the other waits that come before.
  timestamp next_caller_deadline() const noexcept {
    const auto it =
        std::find_if(deadlines_.begin(), deadlines_.end(), [](const wait_node& w) { return w.is_caller(); });
    return it == deadlines_.end() ? wait_node::no_deadline : it->deadline;
  }
  /// The wait whose deadline comes first. Precondition: there is one.
  wait_node& most_urgent() noexcept {
    assert(!deadlines_.empty());
    return *deadlines_.begin();
  }

 private:
  wait_list& others(const wait_node& w) noexcept {
    return w.kind == wait_node::kind_type::drain ? drainers_ : idle_waits_;
  }

  void insert(wait_list::iterator before, wait_node& w) noexcept {
    callers_.insert(before, w);
    ++size_;
    contexts_ += static_cast<bool>(w.context);
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
  wait_list idle_waits_;
  deadline_set deadlines_;
  std::uint64_t size_ = 0;
  std::uint64_t contexts_ = 0;
};

} // namespace hotslot::detail
