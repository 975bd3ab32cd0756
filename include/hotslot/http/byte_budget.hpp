// Bytes that many share.
#ifndef HOTSLOT_HTTP_BYTE_BUDGET_HPP
#define HOTSLOT_HTTP_BYTE_BUDGET_HPP

#include <atomic>
#include <cstddef>
#include <functional>
#include <utility>

namespace hotslot::http {

/// Hands out so many bytes, and takes them back. Thread safety: a shared object is safe. Cost: an atomic
/// operation.
class byte_budget {
 public:
  /// `relieved` is called, on the thread that gives back, when nearly nothing is taken any more after an
  /// eighth or more was: memory that is free now may go back to the system. It must not throw.
  explicit byte_budget(std::size_t total, std::function<void()> relieved = {})
    : total_(total)
    , relieved_(std::move(relieved)) {}
  byte_budget(const byte_budget&) = delete;
  byte_budget& operator=(const byte_budget&) = delete;

  /// False, and nothing is taken, where there is no room for all of it.
  bool try_take(std::size_t n) noexcept {
    std::size_t before = taken_.load(std::memory_order_relaxed);
    do {
      if (n > total_ - before)
        return false;
    } while (!taken_.compare_exchange_weak(before, before + n, std::memory_order_relaxed));
    if (before + n >= total_ / 8)
      burst_.store(true, std::memory_order_relaxed);
    return true;
  }

  /// Precondition: they were taken.
  void give_back(std::size_t n) noexcept {
    const std::size_t left = taken_.fetch_sub(n, std::memory_order_relaxed) - n;
    if (left <= total_ / 64 && burst_.load(std::memory_order_relaxed) &&
        burst_.exchange(false, std::memory_order_relaxed) && relieved_)
      relieved_();
  }

  std::size_t total() const noexcept { return total_; }
  std::size_t taken() const noexcept { return taken_.load(std::memory_order_relaxed); }

 private:
  const std::size_t total_;
  const std::function<void()> relieved_;
  std::atomic<std::size_t> taken_ = 0;
  std::atomic<bool> burst_ = false;
};

} // namespace hotslot::http

#endif
