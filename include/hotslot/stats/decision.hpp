// Why a launcher did what it did, in words and numbers, and the last times that it did something.
#ifndef HOTSLOT_STATS_DECISION_HPP
#define HOTSLOT_STATS_DECISION_HPP

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hotslot {

/// A literal with a `{}` for each number: making one costs no allocation, so that it can be done under a
/// lock.
struct decision_reason {
  std::string_view text; ///< A literal.
  std::array<double, 5> numbers{};

  friend bool operator==(const decision_reason& a, const decision_reason& b) noexcept {
    return a.text == b.text && a.numbers == b.numbers;
  }
};

/// The text with its numbers filled in: whole ones without a point, others with up to three digits behind it.
std::string to_string(const decision_reason& r);

/// One decision, as it is kept.
struct decision {
  std::chrono::nanoseconds at{}; ///< In the time of the queue's clock.
  std::uint64_t start = 0;
  std::uint64_t eject = 0;
  decision_reason reason;
};

/// One decision, as it is shown.
struct decision_view {
  std::chrono::nanoseconds ago{};
  std::uint64_t start = 0;
  std::uint64_t eject = 0;
  std::string reason;
};

/// The last decisions, oldest first. One like the one before, that does nothing, is not kept again.
/// Thread safety: distinct objects are safe, a shared one is not.
class decision_ring {
 public:
  static constexpr std::size_t capacity = 32;

  /// Keeps it, instead of the oldest where there are `capacity`.
  void add(const decision& d) {
    if (size_ != 0 && d.start == 0 && d.eject == 0 && d.reason.text == newest().reason.text)
      return;
    ring_[next_] = d;
    next_ = (next_ + 1) % capacity;
    size_ = std::min(size_ + 1, capacity);
  }

  /// All that are kept, as seen at `now`.
  std::vector<decision_view> view(std::chrono::nanoseconds now) const;

 private:
  const decision& newest() const noexcept { return ring_[(next_ + capacity - 1) % capacity]; }

  std::array<decision, capacity> ring_{};
  std::size_t next_ = 0;
  std::size_t size_ = 0;
};

} // namespace hotslot

#endif
