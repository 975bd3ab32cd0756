// Arithmetic of what workers take: memory and processor time.
#ifndef HOTSLOT_CORE_RESOURCES_HPP
#define HOTSLOT_CORE_RESOURCES_HPP

#include <cassert>
#include <cstdint>

namespace hotslot {

struct resources {
  std::uint64_t memory_mb = 0;
  std::uint64_t cpu_milli = 0; ///< Thousandths of a processor.

  friend bool operator==(const resources&, const resources&) = default;

  bool fits_in(const resources& other) const noexcept {
    return memory_mb <= other.memory_mb && cpu_milli <= other.cpu_milli;
  }
};

/// A total, and how much of it is taken.
class resource_ledger {
 public:
  explicit resource_ledger(resources total) noexcept
    : total_(total) {}

  /// Whether `r` could be had if nothing else were taken.
  bool possible(const resources& r) const noexcept { return r.fits_in(total_); }

  bool try_take(const resources& r) noexcept {
    if (!r.fits_in(available()))
      return false;
    taken_.memory_mb += r.memory_mb;
    taken_.cpu_milli += r.cpu_milli;
    return true;
  }

  void give_back(const resources& r) noexcept {
    assert(r.fits_in(taken_));
    taken_.memory_mb -= r.memory_mb;
    taken_.cpu_milli -= r.cpu_milli;
  }

  const resources& total() const noexcept { return total_; }
  const resources& taken() const noexcept { return taken_; }
  resources available() const noexcept {
    return {total_.memory_mb - taken_.memory_mb, total_.cpu_milli - taken_.cpu_milli};
  }

 private:
  resources total_;
  resources taken_;
};

/// What of `memory_mb` is kept for the host: a tenth, between 256 MB and 5 GB. Source: Fn's agent.
constexpr std::uint64_t memory_headroom_mb(std::uint64_t memory_mb) noexcept {
  const std::uint64_t tenth = memory_mb / 10;
  return tenth < 256 ? 256 : tenth > 5120 ? 5120 : tenth;
}

} // namespace hotslot

#endif
