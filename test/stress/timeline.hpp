// What something was like when.
#ifndef HOTSLOT_TEST_STRESS_TIMELINE_HPP
#define HOTSLOT_TEST_STRESS_TIMELINE_HPP

#include "history.hpp"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

namespace hotslot::stress {

constexpr stamp end_of_time = std::numeric_limits<stamp>::max();

/// Values between steps, each of which takes some time.
template <class T>
class timeline {
 public:
  explicit timeline(T first = {}) { spans_.push_back({0, end_of_time, std::move(first)}); }

  /// A step from `first` to `last` that left `value`. To be called in their order; a step counts once.
  void add(stamp first, stamp last, T value) {
    if (spans_.back().from == last)
      return;
    spans_.back().until = first;
    spans_.push_back({last, end_of_time, std::move(value)});
  }

  /// Whether at some moment between `from` and `until` what was there satisfied `right`.
  template <class Predicate>
  bool sometime(stamp from, stamp until, Predicate right) const {
    auto it =
        std::partition_point(spans_.begin(), spans_.end(), [&](const span& s) { return s.until <= from; });
    for (; it != spans_.end() && it->from < until; ++it)
      if (right(it->value))
        return true;
    return false;
  }

 private:
  struct span {
    stamp from;
    stamp until;
    T value;
  };
  std::vector<span> spans_;
};

} // namespace hotslot::stress

#endif
