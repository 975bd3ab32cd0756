// Where threads leave things for one another.
#ifndef HOTSLOT_TEST_STRESS_SHELF_HPP
#define HOTSLOT_TEST_STRESS_SHELF_HPP

#include "../sim/random.hpp"

#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace hotslot::stress {

template <class T>
class shelf {
 public:
  /// False, and `thing` untouched, once this is cleared.
  bool put(T& thing) {
    const std::lock_guard lock(mutex_);
    if (!cleared_)
      things_.push_back(std::move(thing));
    return !cleared_;
  }

  /// One of them, whichever.
  std::optional<T> take(sim::random& r) {
    const std::lock_guard lock(mutex_);
    if (things_.empty())
      return {};
    std::swap(things_[r.below(static_cast<std::uint32_t>(things_.size()))], things_.back());
    std::optional<T> taken(std::move(things_.back()));
    things_.pop_back();
    return taken;
  }

  /// All of them. Nothing can be left here any more.
  std::vector<T> clear() {
    const std::lock_guard lock(mutex_);
    cleared_ = true;
    return std::exchange(things_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<T> things_;
  bool cleared_ = false;
};

} // namespace hotslot::stress

#endif
